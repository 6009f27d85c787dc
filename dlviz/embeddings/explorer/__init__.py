"""`dlviz.embedding`: a map of word vectors, with neighbors and analogies."""
