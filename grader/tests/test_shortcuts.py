"""Own work: every way of spelling a shortcut is found, and nothing else is."""

import pytest
import torch

from grader.accused import Accused
from grader.record import Record
from grader.shortcuts import uses

FORBIDDEN = ["F.layer_norm", "nn.LayerNorm", "aten.layer_norm", "tiktoken", "torch.softmax"]


@pytest.mark.parametrize(
    "source",
    [
        "import tiktoken",
        "import tiktoken as t",
        "from tiktoken import get_encoding",
        "import tiktoken.load",
        "import torch.nn as nn\nnn.modules.normalization.F.layer_norm(x)",
        "import torch\ntorch.ops.aten.layer_norm(x)",
        "from torch.nn.modules.normalization import LayerNorm as Helper",
        "import torch\ntorch._VF.softmax(x, 0)",
        "import torch\ntorch.nn.functional.layer_norm(x)",
        "import torch.nn.functional as F\nF.layer_norm(x)",
        "from torch.nn import functional\nfunctional.layer_norm(x)",
        "from torch.nn.functional import layer_norm as normalise",
        "import torch\nf = torch.nn.functional\nf.layer_norm(x)",
        "import torch as t\nt.softmax(x, 0)",
        "import torch\nsoft = torch.softmax\nsoft(x)",
        "import torch\nsoft: object = torch.softmax\nsoft(x)",
        "import torch\n(soft := torch.softmax)\nsoft(x)",
        "from torch import *\nsoftmax(x, 0)",
        "from torch.nn import *\nBase = LayerNorm",
        "import torch\ngetattr(torch, 'softmax')(x, 0)",
        "import importlib\nimportlib.import_module('tiktoken')",
        "__import__('tiktoken')",
        "def f():\n    import tiktoken",
        "from reference.text.train_bpe import train_bpe",
        "import reference.text",
    ],
)
def test_a_shortcut_is_found(source):
    assert uses(source, FORBIDDEN)


@pytest.mark.parametrize(
    "source",
    [
        "import torch\ntorch.exp(x)",
        "from torch import *\nexp(x)",
        "from math import *\nsoftmax(x)",
        "from torch.nn import *\nclass LayerNorm(Module):\n    pass",
        "def layer_norm(x):\n    return x",
        "tokens = 'tiktoken'",
        '"""Unlike tiktoken, this is slow."""',
        "from ..text.train_bpe import train_bpe",
        "softmax = 3",
        "tiktoken = [1, 2]\ntiktoken.append(3)",
        "def f(reference):\n    return reference.text",
    ],
)
def test_nothing_else_is_found(source):
    assert uses(source, FORBIDDEN) == []


def test_a_use_has_its_line():
    assert uses("import torch\n\n\ntorch.softmax(x, 0)\ntorch.softmax(y, 0)", FORBIDDEN) == [
        ("torch.softmax", 4)
    ]


def test_an_operator_is_seen_however_it_is_spelled():
    record = Record(["aten.native_layer_norm"])
    hidden = getattr(torch, "layer_" + "norm")
    Accused(lambda x: hidden(x, x.shape[-1:]), "f", record)(torch.ones(2, 3))
    assert record.operators == {"aten.native_layer_norm"}


def test_other_operators_are_not_noted():
    record = Record(["aten.native_layer_norm"])
    Accused(torch.exp, "f", record)(torch.ones(2, 3))
    assert record.operators == set()
