from tescore import listing
from tescore.session import Object


def test_a_list_is_read_page_by_page_to_its_end() -> None:
    pages = {"": (["a", "b"], "t1"), "t1": ([], "t2"), "t2": (["c"], "")}
    asked: list[dict[str, str]] = []

    def get(query: dict[str, str], accept: str) -> Object:
        asked.append(query)
        assert accept == listing.METADATA
        items, token = pages[query.get("continue", "")]
        return {"items": [{"name": name} for name in items], "metadata": {"continue": token} if token else {}}

    assert [item["name"] for item in listing.listed(get, "x=y")] == ["a", "b", "c"]
    assert asked == [
        {"labelSelector": "x=y", "limit": "500"},
        {"labelSelector": "x=y", "limit": "500", "continue": "t1"},
        {"labelSelector": "x=y", "limit": "500", "continue": "t2"},
    ]


def test_whole_objects_and_fields_are_asked_for_where_they_are_wanted() -> None:
    asked = []

    def get(query: dict[str, str], accept: str) -> Object:
        asked.append((query, accept))
        return {"items": [], "metadata": {}}

    assert list(listing.listed(get, "", whole=True, fields="reason=FailedCreate")) == []
    assert asked == [({"fieldSelector": "reason=FailedCreate", "limit": "500"}, "application/json")]
