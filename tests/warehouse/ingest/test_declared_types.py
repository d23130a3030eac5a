"""Declared types at the door: a file's way is decided from all of its values; nothing is lost without a word."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.warehouse.ingest.landing import Landing
from warehouse.errors import UserError

Make = Callable[..., Landing]
COLUMNS = {"id": {}, "day": {"type": "date"}, "sold": {"type": "timestamp"}, "v": {"type": "decimal(18, 4)"}}


def loaded(here: Landing, column: str, values: list[str]) -> tuple[list[str | None], list[tuple[int, str]]]:
    """What became of one column's values in a file of their own: those loaded, and the rejected with their reasons."""
    here.write("a.csv", "\n".join([column, *('"' + value.replace('"', '""') + '"' for value in values)]) + "\n")
    report = here.load()
    assert report.rows_loaded + report.rows_malformed == len(values)
    rejected = [(row, reason) for _, row, reason, _ in here.rejected()]
    return [value for (value,) in here.rows(column)], rejected


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("sold", ["2024-05-01 10:00:00", "2024-05-02"], ["2024-05-01 10:00:00", "2024-05-02"]),
        ("sold", ["05/01/2011 10:00", "20/01/2011 9:05"], ["2011-01-05 10:00:00", "2011-01-20 09:05:00"]),
        ("sold", ["05.01.2011 10:00", "20.01.2011"], ["2011-01-05 10:00:00", "2011-01-20 00:00:00"]),
        ("sold", ["12/1/10 8:26", "12/13/10 9:00"], ["2010-12-01 08:26:00", "2010-12-13 09:00:00"]),
        ("sold", ["13-12-99", "01-12-68"], ["1999-12-13 00:00:00", "2068-12-01 00:00:00"]),
        ("sold", ["2024-05-02T01:30:00Z"], ["2024-05-02 01:30:00+00"]),
        ("sold", ["2024-05-02T08:00:00+09:00"], ["2024-05-01 23:00:00+00"]),
        ("sold", ["2024-12-28 16:59:07 -0500"], ["2024-12-28 21:59:07+00"]),
        ("sold", ["2024-12-28 10:00:00+14:00"], ["2024-12-27 20:00:00+00"]),
        ("sold", ["2024-12-28 16:59:07 UTC", "2024-12-28 16:59:07"], ["2024-12-28 16:59:07+00", "2024-12-28 16:59:07"]),
        ("sold", ["1/31/2024 12:05 AM", "1/31/2024 1:05:09 pm"], ["2024-01-31 00:05:00", "2024-01-31 13:05:09"]),
        ("sold", ["2024-05-01T10:00Z"], ["2024-05-01 10:00:00+00"]),
        ("sold", ["2024-05-01 9:00 PM +02:00"], ["2024-05-01 19:00:00+00"]),
        ("sold", ["25.05.2024, 10:00", "2.5.2024\u00a011:00"], ["2024-05-25 10:00:00", "2024-05-02 11:00:00"]),
        ("sold", ["2024/5/1 10:00:00,5"], ["2024-05-01 10:00:00.5"]),
        ("sold", ["2024-05-01 10:00:00.123456000"], ["2024-05-01 10:00:00.123456"]),
        ("sold", ["2024-05-01 10:00:00.1234560+00"], ["2024-05-01 10:00:00.123456+00"]),
        ("day", ["31.12.2024", "01.02.2024"], ["2024-12-31", "2024-02-01"]),
        ("day", ["2024-12-31 00:00:00", "2024-12-30"], ["2024-12-31", "2024-12-30"]),
        ("v", ["1.5", "0.4", "-2", "1e3", ".5"], ["1.5", "0.4", "-2", "1e3", ".5"]),
        ("v", ["1,50", "1.234,5", "7"], ["1.50", "1234.5", "7"]),
        ("v", ["1,234.50", "12,345", "7"], ["1234.50", "12345", "7"]),
        ("v", ["1 234,50", "1\u00a0234", "2"], ["1234.50", "1234", "2"]),
        ("v", ["1'234.50", "2"], ["1234.50", "2"]),
        ("v", ["1.500", "0.250"], ["1.500", "0.250"]),
        ("v", ["1.234.567", "12"], ["1234567", "12"]),
        ("v", ["133.79999999999998"], ["133.79999999999998"]),
        ("v", ["$8.00", "-$3.00", "$-2", "$1,250.50"], ["8.00", "-3.00", "-2", "1250.50"]),
        ("v", ["1.234,56 €", "€ 5,00", "-0,5 €"], ["1234.56", "5.00", "-0.5"]),
        ("v", ["(3.00)", "USD 12", "12 CHF", "¥100"], ["-3.00", "12", "12", "100"]),
        ("v", ["CA$7", "19 %", "10%"], ["7", "19", "10"]),
        ("v", ["($100.00)", "(USD 5.00)", "$(3.00)", "2.00-"], ["-100.00", "-5.00", "-3.00", "-2.00"]),
        ("v", ["\u22121.00", "-1.00"], ["-1.00", "-1.00"]),
        ("v", ["12,50\u00a0€", "1\u202f012,50\u202f€", "1\u2009000,5"], ["12.50", "1012.50", "1000.5"]),
        ("v", ["\u00a07,5-", "1,50 €-"], ["-7.5", "-1.50"]),
    ],
)  # fmt: skip
def test_each_way_to_write_a_value(landing: Make, column: str, values: list[str], expected: list[str]) -> None:
    assert loaded(landing(columns=COLUMNS), column, values) == (expected, [])


@pytest.mark.parametrize(
    ("column", "good", "bad"),
    [
        (
            "v",
            ["1.5"],
            ["0.00567", "1.5.2", "NaN", "inf", "12 apples", "1_000", "0x1F", "99999999999999999999", "five", "1e400"],
        ),
        ("v", ["1,50", "2,75", "3,25"] * 10, ["1.50"]),
        (
            "sold",
            ["2024-05-01"],
            [
                *("infinity", "epoch", "today", "2024-13-01", "2023-02-29", "2024-05-01 25:00", "5 May 2024"),
                *("2024-05-01 10:00:00+99:00", "2024-05-01 10:00+1460"),
                *("2024-05-01 10:00:00.123456789", "2024-05-01 10:00:00.0000001", "2024-05-01 10:00:00.1234567Z"),
            ],
        ),
        ("sold", [f"{day}/01/2024" for day in range(13, 29)] * 2, ["01/13/2024"]),
        ("day", ["2024-05-01"], ["2024-05-01 10:00", "0000-00-00"]),
    ],
)
def test_what_would_be_lost_is_rejected_with_its_place(
    landing: Make, column: str, good: list[str], bad: list[str]
) -> None:
    kept, rejected = loaded(landing(columns=COLUMNS), column, [*good, *bad])
    kind = {"v": "decimal(18,4)", "sold": "timestamp", "day": "date"}[column]
    assert len(kept) == len(good)
    assert rejected == [
        (number, f"{column} is not a {kind}") for number in range(len(good) + 2, len(good) + len(bad) + 2)
    ]


@pytest.mark.parametrize(
    ("column", "values", "said", "message"),
    [
        ("sold", ["03/04/2024", "05/06/2024"], {}, "does not tell .* row 2.*`date_order: dmy` or `date_order: mdy` at"),
        ("sold", ["20/01/2024", "01/20/2024"], {}, "days written both ways: row 2 .* row 3"),
        ("sold", ["20/01/2024"], {"date_order": "mdy"}, "begins its dates with the day, as row 2"),
        ("v", ["1.234", "2.500"], {}, "does not tell its decimal mark: in row 2.*`decimal_mark: \",\"` at"),
        ("v", ["1,234"], {}, "does not tell its decimal mark"),
        ("v", ["1,5", "1.5"], {}, "numbers written both ways: in row 3 the point .* row 2 the comma"),
        ("v", ["1,5"], {"decimal_mark": "."}, 'has "," as its decimal mark, as row 2'),
    ],
)  # fmt: skip
def test_what_the_values_leave_open_is_asked_for(
    landing: Make, column: str, values: list[str], said: dict[str, Any], message: str
) -> None:
    here = landing(columns=COLUMNS, **said)
    with pytest.raises(UserError, match=message):
        loaded(here, column, values)
    assert here.rows() == []


@pytest.mark.parametrize(
    ("column", "said", "expected"),
    [("sold", {"date_order": "dmy"}, "2024-04-03 00:00:00"), ("sold", {"date_order": "mdy"}, "2024-03-04 00:00:00")],
)
def test_the_yaml_decides_an_order_that_is_open(
    landing: Make, column: str, said: dict[str, Any], expected: str
) -> None:
    assert loaded(landing(columns=COLUMNS, **said), column, ["03/04/2024"]) == ([expected], [])


@pytest.mark.parametrize(("mark", "expected"), [(".", "1.234"), (",", "1234")])
def test_the_yaml_decides_a_mark_that_is_open(landing: Make, mark: str, expected: str) -> None:
    assert loaded(landing(columns=COLUMNS, decimal_mark=mark), "v", ["1.234"]) == ([expected], [])


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_small_number_is_kept_or_refused_and_never_nothing(landing: Make, suffix: str) -> None:
    """The noise of a float may go, and so may the last of many digits, but not a price."""
    here = landing(files=f"*.{suffix}", columns={"id": {}, "v": {"type": "decimal(18, 8)"}})
    values = [0.00000012, 0.000000001, 1 / 3, 0.1 + 0.2, 1.4210854715202004e-14, 0.000000014]
    if suffix == "csv":
        here.write("a.csv", "id,v\n" + "".join(f"{n},{value!r}\n" for n, value in enumerate(values)))
    else:
        rows = ", ".join(f"('{n}', {value!r}::double)" for n, value in enumerate(values))
        here.write_parquet("a.parquet", f"from (values {rows}) as t(id, v)")
    here.load()
    assert here.live("id, v::decimal(18, 8)::varchar") == [
        ("0", "0.00000012"), ("2", "0.33333333"), ("3", "0.30000000"), ("4", "0.00000000")
    ]  # fmt: skip
    assert len(here.rejected()) == 2


def test_each_file_has_its_own_way(landing: Make) -> None:
    here = landing(columns=COLUMNS)
    here.write("a.csv", "sold\n20/01/2024\n03/04/2024\n")
    here.write("b.csv", "sold\n01/20/2024\n03/04/2024\n")
    here.load()
    assert [sold for (sold,) in here.rows("sold")] == [
        f"{day} 00:00:00" for day in ("2024-01-20", "2024-04-03", "2024-01-20", "2024-03-04")
    ]


def test_numbers_of_json_have_a_point_and_texts_beside_them_what_they_show(landing: Make) -> None:
    here = landing(files="*.jsonl", columns=COLUMNS)
    here.write("a.jsonl", '{"v": 1.5}\n{"v": 12.25}\n{"v": "2,50"}\n{"v": "1.500"}\n{"v": "1,250"}\n')
    here.load()
    assert [v for (v,) in here.rows("v")] == ["1.5", "12.25", "2.50", "1.250"]
    assert [(row, reason) for _, row, reason, _ in here.rejected()] == [(4, "v is not a decimal(18,4)")]


def test_numbers_of_json_alone_are_what_they_are(landing: Make) -> None:
    here = landing(files="*.jsonl", columns=COLUMNS)
    here.write("a.jsonl", '{"v": 1.234}\n{"v": "2.500"}\n')
    here.load()
    assert [v for (v,) in here.rows("v")] == ["1.234", "2.500"]


def test_a_mark_that_texts_of_json_leave_open_is_asked_for(landing: Make) -> None:
    here = landing(files="*.jsonl", columns=COLUMNS)
    here.write("a.jsonl", '{"v": 1.5}\n{"v": "1,250"}\n')
    with pytest.raises(UserError, match="does not tell its decimal mark: in row 2"):
        here.load()


def test_rows_of_typed_files_that_do_not_fit_are_rejected(landing: Make) -> None:
    columns = {
        "id": {"type": "varchar"},
        "v": {"type": "decimal(18,4)"},
        "sold": {"type": "timestamp"},
        "n": {"type": "bigint"},
    }
    here = landing(files="*.parquet", columns=columns)
    here.write_parquet(
        "1.parquet",
        "select * from (values ('a', 1.1::double, timestamp '2024-01-01', 1::double), ('b', 'nan', '2024-01-01', 1),"
        " ('c', 1, 'infinity', 1), ('d', 1, '2024-01-01', 1.5), ('e', 0.00567, '2024-01-01', 2))"
        " as t(id, v, sold, n)",
    )
    report = here.load()
    assert (report.rows_read, report.rows_loaded, report.rows_malformed) == (5, 1, 4)
    assert [(row, reason) for _, row, reason, _ in here.rejected()] == [
        (2, "v is not a decimal(18,4)"),
        (3, "sold is not a timestamp"),
        (4, "n is not a bigint"),
        (5, "v is not a decimal(18,4)"),
    ]


def test_ids_that_are_floats_keep_their_digits_or_say_that_they_are_lost(landing: Make) -> None:
    here = landing(files="*.parquet", columns={"id": {"type": "varchar"}})
    here.write_parquet(
        "1.parquet",
        "select unnest(['12345', 'nan', '20240000000000017', '9007199254740991', '0.5'])::double as id",
    )
    here.load()
    assert [row for (row,) in here.rows("id")] == ["12345", "nan", "2.0240000000000016e+16", "9007199254740991", "0.5"]


def test_what_may_be_published_of_a_rejected_value_is_its_masked_form(landing: Make) -> None:
    here = landing(columns=COLUMNS, other_columns="ignore")
    here.write(
        "a.csv",
        "v,sold\n1.5,2024-01-01\njane.doe@example.org,2024-01-01\n1.5,+49 170 1234567\n1.5,$12.00\nJane,Doe,extra\n",
    )
    here.load()
    assert here.query("select row_number, shown from ops.rejected_lines order by 1") == [
        (3, "xxxx.xxx@xxxxxxx.xxx"),
        (4, "+## ### #######"),
        (5, "$12.00"),
        (6, "xxxx,xxx,xxxxx"),
    ]
    assert re.search(
        "jane.doe@example.org", here.query("select record from ops.rejected_lines where row_number = 3")[0][0]
    )
