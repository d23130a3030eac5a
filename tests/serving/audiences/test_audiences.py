"""Audiences of a small company through the real command: formats, consent, holdout, who entered and who left."""

import hashlib
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from serving.publication.published_copies import PublishedCopies
from tests.serving.audiences.shops import ADS, GOLD, TODAY, Shop
from warehouse import builds
from warehouse.privacy.erase import erase
from warehouse.sql import connect


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_klaviyo_begins_with_the_contact_and_has_iso_days(shop: Shop) -> None:
    shop.define("gold", {**GOLD, "columns": ["tier", "last_order_date", "net_amount_lifetime", "is_dear"]})
    assert shop.export("gold").code == 0
    assert shop.rows() == [
        ["Email", "tier", "last_order_date", "net_amount_lifetime", "is_dear"],
        ["ann@example.com", "Gold", "2026-06-10", "12.5000", "true"],
        ["bob@example.com", "Gold", "2026-06-10", "12.5000", "true"],
    ]
    assert [stat.S_IMODE(file.stat().st_mode) for file in sorted(shop.out.parent.glob("gold*.csv"))] == [0o600] * 3


def test_a_consent_covers_its_own_contact_alone(shop: Shop) -> None:
    shop.define("gold", {**GOLD, "consent": "sms_consent"})
    assert shop.export("gold").code == 0
    assert shop.rows() == [["Phone Number"], ["+4930111111"]]
    refused = shop.export("gold", "--format", "mailchimp")
    assert refused.code == 2 and "mailchimp matches customers by email" in refused.text


def test_mailchimp_and_csv(shop: Shop) -> None:
    shop.define("gold", {**ADS, "destination": "mailchimp", "columns": ["tier"]})
    assert shop.export("gold").code == 0
    assert shop.rows() == [["Email Address", "tier"], ["ann@example.com", "Gold"], ["bob@example.com", "Gold"]]
    assert shop.export("gold", "--format", "csv").code == 0
    assert shop.rows()[:2] == [
        ["customer_id", "email", "phone", "tier"], ["c1", "ann@example.com", "+4930111111", "Gold"],
    ]  # fmt: skip


def test_google_has_all_its_headers_and_only_codes_of_countries(shop: Shop) -> None:
    shop.define("gold", {**ADS, "columns": ["tier"]})
    assert shop.export("gold").code == 0
    assert shop.rows() == [
        ["Email", "Phone", "First Name", "Last Name", "Country", "Zip"],
        ["ann@example.com", "+4930111111", "", "", "DE", ""],
        ["bob@example.com", "", "", "", "", ""],
    ]
    assert shop.export("gold", "--hashed").code == 0
    assert shop.rows()[1] == [sha("ann@example.com"), sha("+4930111111"), "", "", "DE", ""]


def test_meta_hashes_what_there_is(shop: Shop) -> None:
    shop.define("gold", {**ADS, "destination": "meta"})
    assert shop.export("gold").code == 0
    assert shop.rows()[:2] == [
        ["email", "phone", "fn", "ln", "ct", "st", "zip", "country"],
        ["ann@example.com", "4930111111", "", "", "", "", "", "de"],
    ]
    assert shop.export("gold", "--hashed").code == 0
    assert shop.rows()[1:] == [
        [sha("ann@example.com"), sha("4930111111"), "", "", "", "", "", sha("de")],
        [sha("bob@example.com"), "", "", "", "", "", "", ""],
    ]
    assert "klaviyo reads no hashes; meta and google do" in shop.export("gold", "--format", "klaviyo", "--hashed").text


def test_names_and_postal_codes_are_written_as_each_system_matches_them(shop: Shop) -> None:
    shop.people["c1"] |= {"first_name": "Ann-Marie", "last_name": "O'Hara Smith", "postal_code": "SW1A 1AA"}
    shop.people["c2"] |= {"first_name": "=Bob", "country": "US", "postal_code": "94105-1234"}
    shop.build()
    shop.define("gold", ADS)
    assert shop.export("gold").code == 0
    assert [row[2:] for row in shop.rows()[1:]] == [
        ["Ann-Marie", "O'Hara Smith", "DE", "SW1A 1AA"], ["'=Bob", "", "US", "94105-1234"],
    ]  # fmt: skip
    assert shop.export("gold", "--hashed").code == 0
    assert shop.rows()[1][2:] == [sha("ann-marie"), sha("o'hara smith"), "DE", "SW1A 1AA"]
    assert shop.rows()[2][2] == sha("=bob")
    assert shop.export("gold", "--format", "meta").code == 0
    assert [row[2:] for row in shop.rows()[1:]] == [
        ["annmarie", "ohara smith", "", "", "sw1a1aa", "de"], ["bob", "", "", "", "94105", "us"],
    ]  # fmt: skip
    assert shop.export("gold", "--format", "meta", "--hashed").code == 0
    assert shop.rows()[1][2:4] == [sha("annmarie"), sha("ohara smith")]


def test_names_go_along_with_the_consent_for_advertising_alone(shop: Shop) -> None:
    shop.people["c1"] |= {"first_name": "Ann", "last_name": "O'Hara", "postal_code": "01067"}
    shop.build()
    shop.define("gold", {**ADS, "consent": "email_consent"})
    assert shop.export("gold").code == 0
    assert shop.rows()[1] == ["ann@example.com", "", "", "", "DE", ""]


def test_who_entered_and_who_left_since_the_last_export(shop: Shop) -> None:
    shop.define("gold", GOLD)
    assert "2 members, 2 entered and 0 left" in shop.export("gold").text
    shop.people["c1"]["tier"] = "Silver"
    shop.people["c3"] |= {"tier": "Gold", "email": "cid@example.com"}
    shop.build()
    previewed = shop.company.loyalty("audiences", "preview", "gold")
    assert "2 members, 1 entered and 1 left" in previewed.text and "example.com" not in previewed.text
    assert "2 members, 1 entered and 1 left" in shop.export("gold").text
    assert (shop.first(), shop.first("-entered"), shop.first("-left")) == (
        ["bob@example.com", "cid@example.com"], ["cid@example.com"], ["ann@example.com"],
    )  # fmt: skip
    assert "2 members, 0 entered and 0 left" in shop.export("gold").text
    # another system has another list
    assert "2 members, 2 entered and 0 left" in shop.export("gold", "--format", "csv").text
    listed = shop.company.loyalty("audiences", "list").text
    assert "klaviyo" in listed and "tier = 'Gold'" in listed and "2 members" in listed


def test_an_address_that_changed_leaves_and_the_number_beside_it_stays(shop: Shop) -> None:
    shop.define("gold", ADS)
    shop.export("gold")
    shop.people["c1"]["email"] = "anna@example.com"
    shop.build()
    assert shop.export("gold").code == 0
    assert [row[:2] for row in shop.rows("-left")[1:]] == [["ann@example.com", ""]]
    assert [row[:2] for row in shop.rows("-entered")[1:]] == [["anna@example.com", "+4930111111"]]


def test_a_customer_whose_id_changed_is_neither_removed_nor_added(shop: Shop) -> None:
    shop.define("gold", GOLD)
    shop.export("gold")
    shop.people["c0"] = shop.people.pop("c1")
    shop.build()
    assert "2 members, 0 entered and 0 left" in shop.export("gold").text


def test_no_address_comes_twice(shop: Shop) -> None:
    shop.people["c4"] = {"email": "ann@example.com"}
    shop.build()
    shop.define("gold", GOLD)
    assert "left out: 1 sharing another member's address or number" in shop.export("gold").text
    assert shop.first() == ["ann@example.com", "bob@example.com"]


@pytest.mark.parametrize(
    ("objection", "told"),
    [
        ({"email_consent": False}, "1 without the consent"),
        ({"has_opted_out": True}, "1 opted out"),
        ({"email": None}, "1 without an address or number"),
        ({"is_held_out": True}, "1 in the permanent holdout"),
    ],
)
def test_who_may_not_be_handed_over_leaves(shop: Shop, objection: dict[str, Any], told: str) -> None:
    shop.define("gold", GOLD)
    shop.export("gold")
    shop.people["c1"] |= objection
    shop.build()
    assert f"left out: {told}" in shop.export("gold").text
    assert (shop.first(), shop.first("-left")) == (["bob@example.com"], ["ann@example.com"])


def test_the_holdout_is_in_where_it_is_asked_for(shop: Shop) -> None:
    shop.people["c1"]["is_held_out"] = True
    shop.build()
    shop.define("gold", GOLD)
    shop.export("gold", "--with-holdout")
    assert shop.first() == ["ann@example.com", "bob@example.com"]
    shop.export("gold")
    assert shop.first("-left") == ["ann@example.com"]


def test_who_is_erased_leaves_at_once_and_nothing_keeps_the_address(shop: Shop) -> None:
    shop.define("gold", GOLD)
    shop.export("gold")
    settings = shop.company.settings
    done = erase(settings, "c1", PublishedCopies(settings), lambda told: None)
    assert done.audiences == ("gold (klaviyo)",)
    kept = shop.company.warehouse("select customer_id, email, phone from ops.audience_members order by customer_id")
    assert kept == [("c2", "bob@example.com", None), (done.pseudonym, None, None)]
    told = shop.export("gold").text
    assert "1 members, 0 entered and 0 left" in told and "1 of the last export have been erased since" in told
    assert shop.first() == ["bob@example.com"]
    assert b"ann@example.com" not in settings.warehouse_path.read_bytes()
    assert "have been erased" not in shop.export("gold").text


@pytest.mark.parametrize(
    "condition",
    [
        "tier = 'Gold') or (1 = 1",
        "true; drop table marts.dim_customers",
        "true union select true",
        "tier, country",
        "tier = 'Gold' limit 1",
        "",
    ],
)
def test_a_condition_is_one_expression(shop: Shop, condition: str) -> None:
    shop.define("gold", f'consent: email_consent\ndestination: csv\nwhere: "{condition}"\n')
    done = shop.export("gold")
    assert done.code == 2 and 'gold.yml: line 3: "where": it is no condition of SQL' in done.text


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("exists (select 1 from read_text('/etc/hostname'))", "disabled by configuration"),
        ("customer_id in (select customer_id from intermediate.int_audience_candidates)", "does not exist"),
        ("teir = 'Gold'", "teir"),
        ("getvariable('x') is null and email is null", "email"),
        ("count(*) > 1", "aggregates"),
    ],
)
def test_a_condition_reads_the_published_marts_alone(shop: Shop, condition: str, told: str) -> None:
    shop.define("gold", {**GOLD, "where": condition})
    done = shop.export("gold")
    assert done.code == 2 and "gold.yml: line" in done.text and told in done.text
    assert not shop.out.exists()


def test_a_condition_may_ask_other_marts(shop: Shop) -> None:
    shop.define(
        "gold", {**GOLD, "where": "customer_id in (select max(customer_id) from dim_customers where tier = 'Gold')"}
    )
    shop.export("gold")
    assert shop.first() == ["bob@example.com"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"consent": "consent"}, "'email_consent', 'sms_consent' or 'ads_consent'"),
        ({"destination": "facebook"}, "destination"),
        ({"wehre": "true"}, 'unknown key "wehre" (did you mean "where"?)'),
        ({"columns": ["nickname"]}, "nickname"),
    ],
)
def test_what_is_wrong_in_the_file_is_told_with_its_line(shop: Shop, changes: dict[str, Any], told: str) -> None:
    shop.define("gold", {**GOLD, **changes})
    done = shop.export("gold")
    assert done.code == 2 and "gold.yml: line" in done.text and told in done.text


def test_who_is_missing_is_told(shop: Shop) -> None:
    assert "there is no audience yet" in shop.company.loyalty("audiences", "list").text
    shop.define("gold", GOLD)
    done = shop.export("glod")
    assert done.code == 2 and 'no audience "glod" (did you mean "gold"?)' in done.text


def test_no_cell_is_a_formula(shop: Shop) -> None:
    shop.people["c1"] |= {"email": "=cmd@example.com", "tier": "@SUM(1)"}
    shop.people["=1+1"] = {"email": "eve@example.com", "tier": "\tGold"}
    shop.build()
    shop.define("gold", {**GOLD, "where": "true", "destination": "csv", "columns": ["tier"]})
    shop.export("gold")
    assert shop.rows()[1:] == [
        ["'=1+1", "eve@example.com", "'\tGold"],
        ["c1", "'=cmd@example.com", "'@SUM(1)"],
        ["c2", "bob@example.com", "Gold"],
    ]


@pytest.mark.parametrize(
    ("occupy", "told"),
    [
        (lambda out: out.with_name("gold-left.csv").touch(), "there is such a file already"),
        (lambda out: out.symlink_to(out.with_name("other.csv")), "a symbolic link"),
    ],
)
def test_nothing_is_replaced_and_no_link_followed(shop: Shop, occupy: Callable[[Path], None], told: str) -> None:
    shop.define("gold", GOLD)
    occupy(shop.out)
    done = shop.company.loyalty("audiences", "export", "gold", "--out", str(shop.out))
    assert done.code == 2 and told in done.text
    assert not shop.out.with_name("gold-entered.csv").exists() and not shop.out.with_name("other.csv").exists()
    assert shop.company.warehouse("select count(*) from ops.audience_exports") == [(0,)]


def test_no_list_lies_in_the_home_folder(shop: Shop) -> None:
    shop.define("gold", GOLD)
    inside = shop.company.settings.published_dir / "gold.csv"
    done = shop.company.loyalty("audiences", "export", "gold", "--out", str(inside))
    assert done.code == 2 and "which an erasure has to clear" in done.text and not inside.exists()


def test_a_warehouse_of_an_earlier_version_asks_for_a_run(shop: Shop) -> None:
    shop.define("gold", GOLD)
    shop.company.warehouse("drop table intermediate.int_audience_candidates")
    done = shop.export("gold")
    assert (
        done.code == 2
        and "built by another version of the product, which knew audiences otherwise. Start `loyalty run`" in done.text
    )


def test_a_build_that_is_not_published_is_not_exported(shop: Shop) -> None:
    shop.define("gold", GOLD)
    with connect(shop.company.settings.warehouse_path) as connection:
        build_id = builds.open_build(connection, "later", TODAY)
        builds.pass_build(connection, build_id, {"check"}, {"check"})
    done = shop.export("gold")
    assert done.code == 2 and "build 2 was built, and build 1 is live" in done.text
