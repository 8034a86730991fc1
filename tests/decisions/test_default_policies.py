"""Policy files that come with the domains, held against a simulated day of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from lagmark.domains.policies import policy_of
from lagmark.domains.registry import DOMAINS, get_domain
from lagmark.errors import ConfigError
from lagmark.schema.decision import Action


@pytest.mark.parametrize("name", [*DOMAINS])
def test_every_domain_has_rules_with_examples(name: str) -> None:
    domain = get_domain(name)
    sets = {key: [f.label for f in domain.feature_set(key).features] for key in domain.feature_sets}
    policies = {key: policy_of(domain, names) for key, names in sets.items()}
    assert min(len(policy.rules.ready) for policy in policies.values()) >= 1
    assert len(policies["default"].rules.ready) >= 6
    for rule in policies["default"].file.rules:
        assert {example.fires for example in rule.examples} == {True, False}, rule.name
    # Every rule is served by some feature set, so that none is dead.
    left = [set(policy.rules.left_out) for policy in policies.values()]
    assert not set.intersection(*left)


def test_a_file_of_ones_own_must_fit(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(
        "rules: [{name: a, when: custmer == 5, action: block, probability: 1, text: a}]",
        encoding="utf-8",
    )
    domain = get_domain("handbook")
    with pytest.raises(ConfigError, match="did you mean 'customer'"):
        policy_of(domain, ["amount"], path)
    path.write_text(path.read_text(encoding="utf-8").replace("custmer", "customer"))
    (rule,) = policy_of(domain, ["amount"], path).rules.ready
    assert rule.action is Action.BLOCK


def test_the_file_in_the_documents_works(root: Path, tmp_path: Path) -> None:
    text = (root / "docs" / "decisions.md").read_text(encoding="utf-8")
    path = tmp_path / "rules.yaml"
    path.write_text(text.split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    domain = get_domain("card")
    names = [feature.label for feature in domain.feature_set("default").features]
    assert policy_of(domain, names, path).file.choose == "budget"
