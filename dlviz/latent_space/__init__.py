"""The space of codes between an encoder and a decoder: codes, reconstructions and their errors, the KL divergence, anomalies."""

from dlviz.latent_space.anomaly_score import Rates, auc, rates
from dlviz.latent_space.autoencoder import Autoencoder, Codes
from dlviz.latent_space.code_axes import CodeAxes, code_axes
from dlviz.latent_space.examples import Examples
from dlviz.latent_space.record import Anomalies, Record, kl_to_standard_normal, record, squared_errors

__all__ = [
    "Anomalies",
    "Autoencoder",
    "CodeAxes",
    "Codes",
    "Examples",
    "Rates",
    "Record",
    "auc",
    "code_axes",
    "kl_to_standard_normal",
    "rates",
    "record",
    "squared_errors",
]
