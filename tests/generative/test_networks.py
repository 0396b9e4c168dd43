"""The four networks: their formulas against other ways to compute them, and what all of them promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Normal, kl_divergence

from ragsvc.domain import NetworkKind
from ragsvc.errors import InvalidRequest, ModelDamaged, UnsupportedOperation
from ragsvc.generative.networks.adversarial_network import (
    AdversarialParameters,
    GenerativeAdversarialNetwork,
    energy_distance,
)
from ragsvc.generative.networks.autoencoder import Autoencoder, AutoencoderParameters
from ragsvc.generative.networks.network import Batch, GenerativeNetwork, RowShape
from ragsvc.generative.networks.registry import network_from, network_of, parameters_of
from ragsvc.generative.networks.sampling_parameters import SamplingParameters
from ragsvc.generative.networks.tokens import PixelCodec, TextCodec
from ragsvc.generative.networks.transformer import TransformerGenerator, TransformerParameters
from ragsvc.generative.networks.variational_autoencoder import (
    VariationalAutoencoder,
    VariationalParameters,
    gaussian_divergence,
)

SHAPE = RowShape(9, 3, bounded=True)
SMALL = {
    NetworkKind.AUTOENCODER: {"hidden": 8, "code": 3},
    NetworkKind.VAE: {"hidden": 8, "code": 3},
    NetworkKind.GAN: {"hidden": 8, "noise": 4},
    NetworkKind.TRANSFORMER: {"width": 8, "heads": 2, "layers": 1, "levels": 5},
}


def small(kind: NetworkKind, shape: RowShape = SHAPE) -> GenerativeNetwork:
    torch.manual_seed(0)
    material = PixelCodec(shape, 5) if kind is NetworkKind.TRANSFORMER else shape
    return network_of(kind, material, parameters_of(kind).of(SMALL[kind])).eval()


def rows_of(count: int, width: int = 9, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, width, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", NetworkKind)
def test_a_network_is_made_again_from_its_configuration(kind: NetworkKind) -> None:
    network = small(kind)
    again = network_from(kind, network.config())
    again.load_state_dict(network.state_dict())
    again.eval()
    made = network.generate(7, seed=5)
    assert made.shape == (7, 9) and made.dtype == torch.float32
    assert torch.equal(again.generate(7, seed=5), made)
    assert not torch.equal(network.generate(7, seed=6), made)
    assert ((made >= 0) & (made <= 1)).all()


@pytest.mark.parametrize("kind", NetworkKind)
def test_a_step_down_lowers_the_loss(kind: NetworkKind) -> None:
    network, rows, labels = small(kind), rows_of(32), torch.arange(32) % 3
    network.fit_data(rows)
    network.train()
    batch = Batch(rows, labels)
    for player, parameters in network.players().items():
        step = next(number for number in range(50) if network.player(number) == player)
        optimiser = torch.optim.Adam(parameters, 1e-2)
        torch.manual_seed(1)
        before = float(network.loss(batch, step)["loss"].detach())
        for _ in range(20):
            torch.manual_seed(1)
            optimiser.zero_grad()
            network.loss(batch, step)["loss"].backward()
            optimiser.step()
        torch.manual_seed(1)
        assert float(network.loss(batch, step)["loss"].detach()) < before


@pytest.mark.parametrize("kind", [NetworkKind.VAE, NetworkKind.GAN, NetworkKind.TRANSFORMER])
def test_unknown_classes_are_refused(kind: NetworkKind) -> None:
    with pytest.raises(InvalidRequest, match="0 to 2"):
        small(kind).generate(1, label=3)
    plain = small(kind, RowShape(9, bounded=True))
    assert plain.generate(2).shape == (2, 9)
    with pytest.raises(InvalidRequest, match="without classes"):
        plain.generate(1, label=0)


def test_what_a_kind_cannot_do_says_what_can() -> None:
    for kind, verbs in (
        (NetworkKind.GAN, ("encode", "interpolate")),
        (NetworkKind.TRANSFORMER, ("encode", "interpolate")),
    ):
        network = small(kind)
        for verb in verbs:
            arguments = (rows_of(2), 3) if verb == "interpolate" else (rows_of(2),)
            with pytest.raises(UnsupportedOperation, match=f"{kind} cannot {verb}") as caught:
                getattr(network, verb)(*arguments)
            assert "vae" in caught.value.hint and caught.value.code == "unsupported_operation"


gaussians = st.lists(
    st.tuples(st.floats(-5, 5, width=32), st.floats(-6, 4, width=32)), min_size=1, max_size=6
)


@given(gaussians)
def test_the_divergence_matches_torch(pairs: list[tuple[float, float]]) -> None:
    mean = torch.tensor([[pair[0] for pair in pairs]], dtype=torch.float64)
    log_variance = torch.tensor([[pair[1] for pair in pairs]], dtype=torch.float64)
    standard = Normal(torch.zeros_like(mean), torch.ones_like(mean))
    expected = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), standard).sum(1)
    assert torch.allclose(gaussian_divergence(mean, log_variance), expected, rtol=1e-9, atol=1e-9)
    assert float(gaussian_divergence(mean, log_variance)) >= -1e-12


def test_the_divergence_matches_an_integral() -> None:
    mean, log_variance = 0.7, -0.9
    grid = np.linspace(-12, 12, 200_001)
    deviation = math.exp(0.5 * log_variance)
    density = np.exp(-0.5 * ((grid - mean) / deviation) ** 2) / (deviation * math.sqrt(2 * math.pi))
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(density > 0, np.log(density) + 0.5 * grid**2 + 0.5 * math.log(2 * math.pi), 0)
    integral = np.trapezoid(density * logs, grid)
    found = gaussian_divergence(torch.tensor([[mean]]), torch.tensor([[log_variance]]))
    assert float(found) == pytest.approx(integral, abs=1e-5)


@settings(deadline=None, max_examples=15, derandomize=True)
@given(st.integers(0, 1000), st.sampled_from(["gaussian", "bernoulli"]))
def test_the_bound_lies_below_the_likelihood_and_rises_with_draws(seed: int, likelihood: str) -> None:
    torch.manual_seed(seed)
    parameters = VariationalParameters(hidden=8, code=1, likelihood=likelihood)
    network = VariationalAutoencoder(RowShape(4, bounded=True), parameters).eval()
    row = rows_of(1, 4, seed)
    network.fit_data(rows_of(20, 4, seed + 1))
    # One number in the code: the likelihood itself is an integral over a line.
    with torch.no_grad():
        grid = torch.linspace(-8, 8, 4001, dtype=torch.float32)[:, None]
        prior = -0.5 * (grid[:, 0] ** 2 + math.log(2 * math.pi))
        logs = network.log_density(row.expand(len(grid), -1), grid).double() + prior
        exact = float(logs.logsumexp(0) + math.log(16 / 4000))
        draws = network.log_likelihood(row.expand(4000, -1), samples=1, seed=seed).double()
        assert float(draws.mean()) <= exact + 4 * float(draws.std()) / math.sqrt(4000) + 1e-3
        # The posterior of an untrained network is anywhere; the prior itself covers all.
        network.encoder[-1].weight.zero_()
        network.encoder[-1].bias.zero_()
        draws = network.log_likelihood(row.expand(4000, -1), samples=1, seed=seed).double()
        of_all = float(draws.logsumexp(0)) - math.log(4000)
    assert float(draws.mean()) <= of_all
    weights = (draws - draws.max()).exp()
    # What chance leaves of the logarithm of a mean.
    error = float(weights.std() / weights.mean()) / math.sqrt(len(weights))
    assert of_all == pytest.approx(exact, abs=0.1 + 6 * error)


def test_parts_of_the_bound_add_up() -> None:
    network = small(NetworkKind.VAE)
    found = network.validation(Batch(rows_of(6), torch.arange(6) % 3))
    total = found["reconstruction"] + found["divergence"]
    assert torch.allclose(found["loss"], total) and torch.allclose(found["elbo"], -total)


def test_units_of_the_data_do_not_change_the_code() -> None:
    """Scaled rows give the same codes, and a density that is lower by the scale."""
    rows = rows_of(40, 5) - 0.5
    scores = []
    for scale in (1.0, 100.0):
        torch.manual_seed(3)
        network = VariationalAutoencoder(RowShape(5), VariationalParameters(hidden=8, code=2)).eval()
        network.fit_data(rows * scale)
        scores.append(network.score(rows * scale) + 5 * math.log(scale))
        codes = network.encode(rows * scale)
        assert codes.shape == (40, 2)
    assert torch.allclose(scores[0], scores[1], atol=1e-3)


@pytest.mark.parametrize("tied", [False, True])
def test_an_autoencoder_gives_rows_of_the_same_shape(tied: bool) -> None:
    torch.manual_seed(0)
    network = Autoencoder(RowShape(9), AutoencoderParameters(hidden=8, code=3, tied=tied)).eval()
    rows = rows_of(20) * 5 - 3
    network.fit_data(rows)
    assert network.encode(rows).shape == (20, 3)
    assert network.reconstruct(rows).shape == rows.shape
    assert network.decode(network.encode(rows)).shape == rows.shape
    errors = network.reconstruction_error(rows)
    assert errors.shape == (20,) and torch.allclose(network.score(rows), -errors)
    weights = sum(parameter.numel() for parameter in network.parameters())
    assert weights == (2 * (9 * 8 + 8 * 3) + 8 + 3 + 8 + 9 if not tied else 9 * 8 + 8 * 3 + 8 + 3 + 8 + 9)


def test_new_codes_are_distributed_as_those_of_the_training_rows() -> None:
    torch.manual_seed(0)
    network = Autoencoder(RowShape(6), AutoencoderParameters(hidden=16, code=2)).eval()
    rows = torch.randn(500, 6)
    network.fit_data(rows)
    network.finish(rows)
    with torch.no_grad():
        codes = network.encode(rows)
        drawn = network.code_mean + torch.randn(20_000, 2) @ network.code_factor.T
    assert torch.allclose(drawn.mean(0), codes.mean(0), atol=0.05 * float(codes.std()) + 0.01)
    assert torch.allclose(drawn.T.cov(), codes.T.cov(), rtol=0.1, atol=0.02 * float(codes.var()))


@pytest.mark.parametrize("kind", [NetworkKind.AUTOENCODER, NetworkKind.VAE])
def test_a_walk_has_both_ends(kind: NetworkKind) -> None:
    network = small(kind)
    ends = rows_of(2)
    way = network.interpolate(ends, 5, 1 if kind is NetworkKind.VAE else None)
    assert way.shape == (5, 9)
    labels = torch.ones(2, dtype=torch.int64) if kind is NetworkKind.VAE else None
    back = network.decode(network.encode(ends, labels), labels) if labels is not None else network.decode(
        network.encode(ends)
    )  # fmt: skip
    assert torch.allclose(way[[0, -1]], back, atol=1e-5)


def test_the_penalty_matches_slopes_by_hand() -> None:
    network = small(NetworkKind.GAN, RowShape(3))
    assert isinstance(network, GenerativeAdversarialNetwork)
    for parameter in network.critic.parameters():
        torch.nn.init.zeros_(parameter)
    nothing = torch.zeros(4, 0)
    flat = network.gradient_penalty(rows_of(4, 3), rows_of(4, 3, 1), nothing)
    assert float(flat.detach()) == pytest.approx(1, abs=1e-4), "the slope is 0 everywhere"


def test_the_average_of_the_generator_follows_it() -> None:
    network = GenerativeAdversarialNetwork(RowShape(4), AdversarialParameters(hidden=8, average=0.9))
    before = network.averaged[0].weight.clone()
    with torch.no_grad():
        network.generator[0].weight += 1
    network.stepped("critic")
    assert torch.equal(network.averaged[0].weight, before)
    for _ in range(200):
        network.stepped("generator")
    assert torch.allclose(network.averaged[0].weight, network.generator[0].weight, atol=1e-4)


def test_players_take_turns() -> None:
    network = GenerativeAdversarialNetwork(RowShape(4), AdversarialParameters(hidden=8, critic_steps=3))
    assert [network.player(step) for step in range(8)] == ["critic"] * 3 + ["generator"] + ["critic"] * 3 + [
        "generator"
    ]


def test_energy_distance_tells_distributions_apart() -> None:
    one, same = torch.randn(400, 3), torch.randn(400, 3)
    assert abs(float(energy_distance(one, same))) < 0.05
    assert float(energy_distance(one, same + 1)) > 0.2


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
LEARNED = TextCodec.learned(["the cat sat on the mat, the dog sat on the cat"] * 4, 320)


@given(texts)
def test_tokens_of_any_text_lead_back_to_it(text: str) -> None:
    for codec in (TextCodec.of_bytes(), LEARNED):
        assert codec.text(codec.tokens(text)) == text
        assert not {codec.end, codec.pad} & set(codec.tokens(text))
        assert all(0 <= token < codec.size for token in codec.tokens(text))


@given(texts, st.integers(8, 20))
def test_windows_hold_every_token_once(text: str, context: int) -> None:
    codec = TextCodec.of_bytes()
    windows = codec.windows([text], context)
    assert windows.shape[1] == context + 1
    expected = [token for row in windows[:, 1:].tolist() for token in row if token != codec.pad]
    assert expected == [*codec.tokens(text), codec.end]
    assert windows[0, 0] == codec.end
    assert (windows[1:, 0] == windows[:-1, -1]).all()


def test_words_for_the_end_are_text() -> None:
    assert LEARNED.text(LEARNED.tokens("<|end|> is a word")) == "<|end|> is a word"


def transformer(context: int = 12) -> TransformerGenerator:
    torch.manual_seed(0)
    asked = TransformerParameters(width=8, heads=2, layers=2, context=context, dropout=0.0)
    return TransformerGenerator(TextCodec.of_bytes(), asked).eval()


def test_memory_of_what_came_before_changes_nothing() -> None:
    network = transformer()
    tokens = torch.randint(0, 256, (3, 12))
    with torch.no_grad():
        whole, _ = network(tokens)
        memory, pieces = None, []
        for part in (tokens[:, :5], tokens[:, 5:6], tokens[:, 6:7]):
            logits, memory = network(part, memory)
            pieces.append(logits)
    assert torch.allclose(torch.cat(pieces, 1), whole[:, :7], atol=1e-5)


def test_nothing_looks_ahead() -> None:
    network, tokens = transformer(), torch.randint(0, 256, (1, 12))
    other = tokens.clone()
    other[0, 7:] = 0
    with torch.no_grad():
        assert torch.allclose(network(tokens)[0][0, :7], network(other)[0][0, :7], atol=1e-6)


def test_likelihoods_of_texts_are_those_of_their_tokens() -> None:
    network = transformer(context=16)
    (found,) = network.score_texts(["abc"])
    codec = network.codec
    assert isinstance(codec, TextCodec)
    stream = torch.tensor([[codec.end, 97, 98, 99, codec.end]])
    with torch.no_grad():
        logs = network(stream[:, :-1])[0].log_softmax(-1)
    by_hand = sum(float(logs[0, place, stream[0, place + 1]]) for place in range(4))
    assert found.log_likelihood == pytest.approx(by_hand, abs=1e-4) and found.tokens == 4
    assert found.perplexity == pytest.approx(math.exp(-by_hand / 4), rel=1e-4)


def test_texts_may_be_longer_than_what_is_seen_at_once() -> None:
    network = transformer(context=12)
    sampling = SamplingParameters(max_tokens=50)
    made = network.generate(2, seed=1, prompt="a prompt of some length", sampling=sampling)
    assert made == network.generate(2, seed=1, prompt="a prompt of some length", sampling=sampling)
    assert len(made) == 2 and any(len(text) > 12 for text in made)


def test_a_text_ends_before_a_stop() -> None:
    network = transformer()
    plain = network.generate(1, seed=3, sampling=SamplingParameters(max_tokens=60))[0]
    stop = plain[10:12]
    cut = network.generate(1, seed=3, sampling=SamplingParameters(max_tokens=60, stop=(stop,)))[0]
    assert cut == plain[: plain.index(stop)]


logits = st.lists(st.floats(-8, 8, width=32), min_size=3, max_size=12).map(lambda row: torch.tensor([row]))


@given(logits, st.integers(1, 12), st.floats(0.05, 1), st.floats(0.1, 5))
def test_shares_are_of_the_likeliest(row: torch.Tensor, k: int, share: float, temperature: float) -> None:
    found = SamplingParameters(top_k=k, top_p=share, temperature=temperature).probabilities(row)[0]
    assert float(found.sum()) == pytest.approx(1, abs=1e-4)
    kept = found > 0
    assert bool(kept[row[0].argmax()])
    if not bool(kept.all()):
        assert float(row[0][kept].min()) >= float(row[0][~kept].max()) - 1e-6
    plain = (row[0] / temperature).softmax(0)
    assert int(kept.sum()) <= max(k, int((row[0] >= row[0].topk(min(k, row.shape[1])).values[-1]).sum()))
    if k >= row.shape[1]:
        assert float(plain[kept].sum()) >= share - 1e-4


@pytest.mark.parametrize("temperature", [0, 5e-324, 1e-300, 1e-40, 1e-7])
def test_no_temperature_takes_the_likeliest(temperature: float) -> None:
    sampling = SamplingParameters(temperature=temperature)
    drawn = sampling.draw(torch.tensor([[0.0, 3.0, 1.0]] * 5), torch.Generator().manual_seed(0))
    assert drawn.tolist() == [1] * 5


@pytest.mark.parametrize(
    "wrong",
    [{"temperature": -1}, {"temperature": math.nan}, {"top_k": -1}, {"top_p": 0}, {"max_tokens": 2049},
     {"stop": ("",)}, {"stop": ("a",) * 17}],
)  # fmt: skip
def test_wrong_sampling_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest, match=next(iter(wrong))):
        SamplingParameters(**wrong)


def test_pixels_lead_back_to_rows() -> None:
    codec = PixelCodec(SHAPE, 5)
    rows = torch.tensor([[0, 0.25, 0.5, 0.75, 1, 0, 0, 1, 1]])
    tokens = codec.windows(rows, torch.tensor([2]))
    assert tokens[0, 0] == 5 + 2 and torch.equal(codec.rows(tokens[:, 1:]), rows)


def test_hyperparameters_are_read_as_typed() -> None:
    read = AutoencoderParameters.of({"hidden": "16", "noise": "0.5", "tied": "true"})
    assert read == AutoencoderParameters(hidden=16, noise=0.5, tied=True)
    assert AutoencoderParameters.of(read.as_dict()) == read


@pytest.mark.parametrize(
    ("values", "words"),
    [({"hiden": 3}, "there is no hyperparameter 'hiden'"), ({"hidden": 0}, "a whole number from 1 to 8192"),
     ({"hidden": 1.5}, "a whole number"), ({"noise": "nan"}, "a number from 0 to 10"),
     ({"tied": "maybe"}, "true or false"), ({"hidden": [1]}, "a whole number"), ({"hidden": True}, "whole")],
)  # fmt: skip
def test_wrong_hyperparameters_say_what_is_right(values: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words) as caught:
        AutoencoderParameters.of(values)
    assert caught.value.hint


def test_what_does_not_go_together_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="numbers from 0 to 1"):
        VariationalAutoencoder(RowShape(3), VariationalParameters(likelihood="bernoulli"))
    with pytest.raises(InvalidRequest, match="cannot be shared by 3 heads"):
        TransformerGenerator(TextCodec.of_bytes(), TransformerParameters(width=8, heads=3))
    with pytest.raises(ModelDamaged, match="not one of a vae"):
        network_from(NetworkKind.VAE, {"shape": {"width": 3, "depth": 4}, "hyperparameters": {}})
