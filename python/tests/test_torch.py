"""Circuits in PyTorch."""

import copy
import pickle
import threading

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import ohmgrad
from decks import CIRCUITS
from ohmgrad.torch import CircuitLayer


def layer_of(name):
    deck, inputs, outputs, trained, at = CIRCUITS[name]
    layer = CircuitLayer(deck, inputs, outputs, trained)
    x = torch.tensor(at, dtype=torch.float64) * torch.tensor([[0.9], [1.0], [1.15]], dtype=torch.float64)
    return layer, x.requires_grad_()


@pytest.mark.parametrize("name", CIRCUITS)
def test_gradients_pass_gradcheck(name):
    layer, x = layer_of(name)
    g = layer.conductances.detach()

    # Inputs and conductances in parts of their values, so that one step suits all.
    def scaled(inputs, conductances):
        values = {"conductances": g * conductances}
        y = torch.func.functional_call(layer, values, (x.detach() * inputs,))
        return y / layer(x.detach()).detach().abs().max(0).values

    ones = [torch.ones_like(t, requires_grad=True) for t in (x, g)]
    assert torch.autograd.gradcheck(scaled, ones, eps=1e-5, atol=1e-6, rtol=1e-5)


def test_inputs_may_have_any_leading_shape_and_type():
    layer, x = layer_of("clamp")
    y = layer(x)
    assert y.shape == (3, 4)
    torch.testing.assert_close(layer(x[0]), y[0])
    torch.testing.assert_close(layer(x.reshape(3, 1, 2)), y.reshape(3, 1, 4))
    single = layer(x.float())
    assert single.dtype == torch.float32
    single.sum().backward()
    assert layer.conductances.grad.dtype == torch.float64 and x.grad is not None
    assert layer(x[:0]).shape == (0, 4)
    grey = torch.tensor([[200, 3]], dtype=torch.uint8)
    assert torch.equal(layer(grey), layer(grey.double()))


def test_a_layer_is_saved_copied_and_written_as_a_deck(tmp_path):
    layer, x = layer_of("clamp")
    with torch.no_grad():
        layer.conductances.mul_(1.5)
    torch.save(layer.state_dict(), tmp_path / "layer.pt")
    other, _ = layer_of("clamp")
    other.load_state_dict(torch.load(tmp_path / "layer.pt"))
    for same in (other, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(same(x), layer(x))
    with pytest.raises(ohmgrad.OhmgradError, match="other trained resistors"):
        layer_of("table")[0].load_state_dict({**layer.state_dict(), "_extra_state": {"resistors": ["r7"]}})
    circuit = layer.circuit()
    found = circuit.solve((["v1", "i1"], x.detach().numpy()), layer.output_names)
    torch.testing.assert_close(torch.from_numpy(found), layer(x).detach())


def test_a_layer_learns():
    deck = "trained divider\nV1 a 0 1\nV2 b 0 1\nR1 a y 1k\nR2 b y 1k\nR3 y 0 1k\n"
    layer = CircuitLayer(deck, ["v1", "v2"], "v(y)", "r*")
    torch.manual_seed(0)
    x = torch.rand(64, 2, dtype=torch.float64)
    target = x @ torch.tensor([[0.6], [0.1]], dtype=torch.float64)
    optimizer = torch.optim.Adam(layer.parameters(), lr=2e-5)
    losses = []
    for _ in range(200):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(layer(x), target)
        loss.backward()
        optimizer.step()
        layer.clamp_(1e-6)
        losses.append(loss.item())
    assert losses[-1] < 1e-3 * losses[0]


def test_other_threads_find_the_same():
    layer, x = layer_of("ideal crossbar")
    expected, found = layer(x), []
    other = threading.Thread(target=lambda: found.append(layer(x)))
    other.start()
    other.join()
    assert torch.equal(found[0], expected)
    found[0].sum().backward()
    to_g = layer.conductances.grad.clone()
    layer.zero_grad()
    expected.sum().backward()
    assert torch.equal(layer.conductances.grad, to_g)


def test_a_layer_without_trained_resistors_passes_gradients_on():
    deck, inputs, outputs, _, at = CIRCUITS["divider"]
    layer = CircuitLayer(ohmgrad.Circuit.from_netlist(deck), inputs[0], outputs[0])
    x = torch.tensor([at], dtype=torch.float64, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad.item() == pytest.approx(0.75)
