"""What --fused, --compile and a GPU put in the place of a GPT gives what the GPT gives."""

import pytest
import torch

from grader.syllabus import ROOT
from grader.trees import Tree
from runs.fused import FusedGPT
from runs.group import Group
from runs.settings import Settings
from runs.trainee import HalfPrecise, Trainee, new_trainee

KATAS = Tree("katas", ROOT / "reference")
VOCAB = 50


def trainee(fused: bool = False, compile: bool = False) -> Trainee:
    """Make a tiny GPT of random weights, those of norms and biases too, on the CPU."""
    told = {"text": (), "tokenizer": "bytes", "size": "tiny", "steps": 1, "tokens": 0, "lr": 1e-3}
    counts = {"batch": 1, "accumulate": 1, "processes": 1, "seed": 0}
    group = Group()
    group.device = torch.device("cpu")
    made = new_trainee(
        KATAS, Settings(**told, **counts, fused=fused, compile=compile), VOCAB, group
    )
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in made.model.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    return made


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    return torch.randint(VOCAB, (2, 3, 40), generator=generator).unbind()


def gradients(made: Trainee, trained: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Give the gradient of each parameter, and the loss under a name of its own."""
    ids, targets = batch()
    loss = made.loss(trained(ids), targets)
    loss.backward()
    return {"loss": loss.detach()} | {n: p.grad for n, p in made.model.named_parameters()}


def test_a_model_is_trained_as_it_is_unless_something_else_is_asked_for():
    made = trainee()
    assert made.trained is made.model
    assert type(made.optimizer) is KATAS.load("pretraining/adamw").AdamW
    assert made.model._compiled_call_impl is None


def test_fused_means_operators_and_an_optimiser_of_torch():
    made = trainee(fused=True)
    assert type(made.trained) is FusedGPT
    assert type(made.optimizer) is torch.optim.AdamW
    assert all(group["fused"] for group in made.optimizer.param_groups)


def test_what_is_compiled_is_what_is_trained():
    for fused in (False, True):
        assert trainee(fused, compile=True).trained._compiled_call_impl is not None


def test_fused_operators_give_the_loss_and_the_gradients_of_the_katas():
    made, fused = trainee(), trainee(fused=True)
    right = gradients(made, made.trained)
    torch.testing.assert_close(gradients(fused, fused.trained), right, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("fused", [False, True])
def test_half_precise_products_leave_parameters_whole(fused):
    made = trainee(fused)
    half = HalfPrecise(made.trained)
    assert half(batch()[0]).dtype == torch.bfloat16
    plain = trainee()
    right, found = gradients(plain, plain.trained), gradients(made, half)
    assert {value.dtype for value in found.values()} == {torch.float32}
    assert found["loss"].item() == pytest.approx(right["loss"].item(), rel=0.01)
