"""`dlviz.word2vec`: word vectors trained step by step."""
