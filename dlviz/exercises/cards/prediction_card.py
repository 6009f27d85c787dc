"""Widget that asks a question, takes the prediction, and then shows what torch computes."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import traitlets

from dlviz.exercises.cards.card_widget import HERE, CardWidget
from dlviz.kit.messages import message

if TYPE_CHECKING:
    from dlviz.exercises.prediction import Prediction


class PredictionCard(CardWidget):
    """Widget of one question.

    Attributes:
        result: empty until an answer is committed or shown; then `given` (None if it was only shown), `truth`, `right`, `first`
            (an earlier answer, or None), `why` and `notes`.
    """

    _view = HERE / "prediction.js"
    result = traitlets.Dict(help="answer and truth, once committed").tag(sync=True)

    def __init__(self, prediction: "Prediction") -> None:
        self._prediction = prediction
        options = [{"value": one, "text": message(prediction.key("options", one))} for one in prediction.options]
        question = message(prediction.key("question"))
        number = {"is_shape": prediction.is_shape, "tolerance": prediction.tolerance}
        scene = {"id": prediction.id, "question": question, "options": options, **number}
        super().__init__(prediction, scene=scene, result=prediction.answered())

    def _on_commit(self, content: Mapping[str, Any]) -> None:
        if self.result:  # the page asks again, because it has not received the result
            self.send_state("result")
            return
        judgement = self._prediction.commit_answer(content.get("answer"))
        if judgement is not None:
            self.result = judgement

    def _on_show(self, content: object) -> None:
        self.result = self._prediction.shown()

    def _page_state(self) -> dict[str, Any]:
        """Return the state for a page, which judges an answer itself: with the truth, out of sight until an answer is locked in."""
        return {**super()._page_state(), "result": {}, "stored": self._prediction.revealed()}
