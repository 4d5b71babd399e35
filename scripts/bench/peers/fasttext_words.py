"""fastText without subwords, which is plain skip-gram. Its windows always shrink.

With -iter 0 it builds its dictionary and does not train. fastText initializes only part of its
matrix, so the caller must ensure that fresh memory is zero.
"""

from __future__ import annotations

import fasttext

import word2vec_options
from w2v import Embeddings
from w2v.formats.registry import FORMATS

options = word2vec_options.parse()
model = fasttext.train_unsupervised(
    options.train,
    model="skipgram",
    dim=options.size,
    ws=options.window,
    neg=options.negative,
    t=options.sample,
    epoch=options.iter,
    lr=options.alpha,
    minCount=options.min_count,
    thread=options.threads,
    minn=0,
    maxn=0,
    bucket=0,
    verbose=0,
)
if options.iter:
    embeddings = Embeddings(model.get_words(), model.get_input_matrix())
    FORMATS["word2vec-bin"].write(embeddings, options.output, overwrite=True)
