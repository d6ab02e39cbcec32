from portico.routing.roles import Catalog
from portico.routing.tiers import Target


def test_a_catalog_knows_its_targets_by_public_name() -> None:
    one = Target("one", "lab", "m")
    catalog = Catalog({"one": one}, {})
    assert catalog.target("one") is one
    assert catalog.target("m") is None
