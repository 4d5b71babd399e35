"""gensim in its fastest mode, `corpus_file`. Prints the seconds of training."""

from __future__ import annotations

import sys
import time

from gensim.models import Word2Vec

import word2vec_options
from gensim_options import as_gensim

options = word2vec_options.parse()
model = Word2Vec(**as_gensim(options))
model.build_vocab(corpus_file=options.train)
started = time.perf_counter()
model.train(
    corpus_file=options.train,
    total_examples=model.corpus_count,
    total_words=model.corpus_total_words,
    epochs=model.epochs,
)
sys.stdout.write(f"training seconds: {time.perf_counter() - started}\n")
model.wv.save_word2vec_format(options.output, binary=True)
