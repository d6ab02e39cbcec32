"""What every AccessStore promises, over SQLite and over a real Postgres."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest

from portico.access.base import MADE, AccessStore, Deed, Kept, Person, Team, Terms
from portico.access.forgetting import FORGOTTEN, marks_of
from portico.access.postgres import open_postgres
from portico.access.sqlite import SQLiteAccess
from portico.errors import StoreUnavailable
from portico.stores.whom import Whom
from tests.access.keys import kept

pytestmark = pytest.mark.anyio

WIDE = Terms()
NARROW = Terms(
    roles=frozenset({"design", "code"}),
    targets=frozenset(),
    usd_per_day=Decimal("0.000000001"),
    usd_per_month=Decimal("1234.5"),
    requests_per_minute=0,
    tokens_per_minute=10**9,
    concurrency=3,
    capture="no-media",
)
HOSTILE = ("Ж'; DROP TABLE keys; --", 'a"b', "%", "$1", "\\", "🎨")


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    if request.param == "sqlite":
        return tmp_path / "access.db"
    url: str = request.getfixturevalue("database")
    return url


@pytest.fixture
async def store(place: Path | str) -> AsyncIterator[AccessStore]:
    if isinstance(place, Path):
        yield SQLiteAccess(place)
        return
    async with open_postgres(place) as opened:
        for _ in range(200):  # the first calls may be too impatient for the tables to be made
            with suppress(StoreUnavailable):
                await opened.register()
                break
            await asyncio.sleep(0.1)
        yield opened


def deed(what: str = "key.created", **more: object) -> Deed:
    fields: dict[str, object] = {"at": 1e9, "by": "key_1 (ops)", "what": what, "about": "key_2"}
    return Deed(**(fields | more))  # type: ignore[arg-type]


async def keys(store: AccessStore) -> list[Kept]:
    return list((await store.register()).keys)


async def test_that_a_key_was_made_is_known_when_it_is_forgotten(store: AccessStore) -> None:
    assert not (await store.register()).ever
    await store.keep(kept("anna", id="key_a"), deed(MADE, about="key_a"))
    marks = marks_of(Whom(frozenset({"anna"}), frozenset({"key_a"})), b"a secret")
    await store.forget(marks, deed(FORGOTTEN, about=marks["anna"]))
    register = await store.register()
    assert (list(register.keys), register.ever) == ([], True)


async def test_a_store_is_empty_before_the_first_change(store: AccessStore) -> None:
    register = await store.register()
    assert [*register.keys, *register.people, *register.teams] == []
    assert register.version == await store.version() == 0
    assert list(await store.deeds()) == []


@pytest.mark.parametrize("terms", [WIDE, NARROW])
async def test_what_was_kept_comes_back_as_it_was_oldest_first(
    store: AccessStore, terms: Terms
) -> None:
    young = kept(created=2e9, expires=3e9, revoked=2.5e9, admin=True, terms=terms)
    old = kept("Ж'; DROP TABLE keys; --", trusted=True, person="anna", team="lab", overlap=7.5)
    old = Kept(old.key, old.digest, old.sealed_by, b"before")
    anna = Person(id="anna@lab.example", name="Анна", team="lab", created=1.0, terms=terms)
    lab = Team(id="lab", name="The Lab", created=2.0, terms=terms)
    for thing in (young, old, anna, lab):
        await store.keep(thing, deed())
    register = await store.register()
    assert list(register.keys) == [old, young]
    assert list(register.people) == [anna]
    assert list(register.teams) == [lab]


async def test_a_known_thing_is_changed_and_a_revoked_key_stays_revoked(store: AccessStore) -> None:
    one = kept()
    await store.keep(one, deed())
    revoked = Kept(kept(id=one.key.id, revoked=5e9).key, one.digest, one.sealed_by)
    await store.keep(revoked, deed())
    late = Kept(kept("renamed", id=one.key.id, terms=NARROW).key, one.digest, one.sealed_by)
    await store.keep(late, deed())  # somebody who read it before it was revoked
    (found,) = await keys(store)
    assert (found.key.name, found.key.terms, found.key.revoked) == ("renamed", NARROW, 5e9)


async def test_people_and_teams_can_be_forgotten_and_keys_go_on_naming_them(
    store: AccessStore,
) -> None:
    anna, lab = Person(id="anna", team="lab"), Team(id="lab")
    one = kept(person="anna", team="lab")
    for thing in (anna, lab, one):
        await store.keep(thing, deed())
    await store.drop(anna, deed("person.deleted"))
    await store.drop(lab, deed("team.deleted"))
    register = await store.register()
    assert (list(register.people), list(register.teams)) == ([], [])
    assert register.keys[0].key.person == "anna"


async def test_every_change_is_a_deed_and_moves_the_version(store: AccessStore) -> None:
    told = deed("key.changed", before={"name": "a", "n": None}, after={"terms": {"x": [1, 2]}})
    await store.keep(kept(), deed())
    await store.note(told)
    assert await store.version() == 2
    assert (await store.register()).version == 2
    newest, oldest = await store.deeds()
    assert (newest.number, oldest.number) == (2, 1)
    assert (newest.before, newest.after, newest.by) == (told.before, told.after, told.by)
    assert [one.number for one in await store.deeds(before=2)] == [1]
    assert [one.number for one in await store.deeds(limit=1)] == [2]
    assert [one.number for one in await store.deeds(limit=-5)] == [2]


async def test_many_may_change_things_at_the_same_time(store: AccessStore) -> None:
    made = [kept(created=float(number)) for number in range(12)]
    await asyncio.gather(*(store.keep(one, deed()) for one in made[:4]))
    for one in made[4:]:
        await store.keep(one, deed())
    assert await keys(store) == made
    assert await store.version() == 12
    assert sorted(one.number for one in await store.deeds()) == list(range(1, 13))


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_names_are_only_names(store: AccessStore, text: str) -> None:
    named = Terms(roles=frozenset({text}))
    one = kept(text, person=text, team=text, terms=named)
    anna = Person(id=text, name=text, team=text, terms=named)
    await store.keep(one, deed(text, by=text, about=text, after={text: text}))
    await store.keep(anna, deed())
    await store.drop(Person(id="%"), deed()) if text != "%" else None
    register = await store.register()
    assert (list(register.keys), list(register.people)) == ([one], [anna])
    assert (await store.deeds(limit=200))[-1].after == {text: text}


def held(folder: Path) -> str:
    return "".join(one.read_bytes().decode("latin-1") for one in folder.iterdir())


async def test_of_somebody_forgotten_only_marks_are_left(
    store: AccessStore, place: Path | str
) -> None:
    whom = Whom(frozenset({"anna@lab"}), frozenset({"key_a"}))
    theirs = kept("Anna's laptop", id="key_a", person="anna@lab")
    others = kept("bert", id="key_b")
    anna, bert = Person(id="anna@lab", name="Anna Perenna"), Person(id="anna@lab b", name="Bert")
    told = {"id": "key_a", "name": "Anna's laptop", "person": "anna@lab"}
    await store.keep(theirs, deed(about="key_a (Anna's laptop)", after=told))
    await store.keep(others, deed(about="key_b (bert)", after={"id": "key_b"}))
    await store.keep(anna, deed("person.created", about="anna@lab", after={"name": anna.name}))
    await store.keep(bert, deed("person.created", about=bert.id, after={"name": "Bert"}))
    await store.keep(others, deed(by="key_a (Anna's laptop)", about="key_b", after={"x": "y"}))
    await store.note(deed("key.changed", about="key_b", after={"person": ["anna@lab"]}))
    before, marks = list(await store.deeds()), marks_of(whom, b"a secret")
    await store.forget(marks, deed(FORGOTTEN, about=marks["anna@lab"]))
    register, deeds = await store.register(), list(await store.deeds())
    assert [one.key.id for one in register.keys] == ["key_b"]
    assert [one.id for one in register.people] == ["anna@lab b"]
    assert [one.what for one in deeds] == [FORGOTTEN, *(one.what for one in before)]
    assert [one.at for one in deeds[1:]] == [one.at for one in before]
    assert "anna" not in str(deeds).replace("anna@lab b", "").lower()
    assert [one.about for one in deeds if one.after == {"name": "Bert"}] == [bert.id]
    assert [one.after for one in deeds if one.by == marks["key_a"]] == [{"x": "y"}]
    assert await store.version() == deeds[0].number
    if isinstance(place, Path):
        left = held(place.parent)
        assert "Perenna" not in left
        assert "laptop" not in left
