"""The dashboard's questions have one answer each, by month and from the lines below, however many ask."""

from functools import partial

import pytest

from benchmarks.dashboard_queries import QUESTIONS, Answer, ask, differences, main, of_file
from tests.support.company import Company


def test_months_answer_as_lines_do(built: Company) -> None:
    answers = ask(partial(of_file, built.settings.published_path), "file", rounds=1)
    assert {answer.question for answer in answers} == set(QUESTIONS)
    assert list(differences(answers)) == []


def test_another_answer_is_told() -> None:
    def answer(publication: str, content: int) -> Answer:
        return Answer("sales", "file", 1.0, 1.0, publication, content)

    assert list(differences([answer("a", 1), answer("b", 2)])) == []
    assert list(differences([answer("a", 1), answer("a", 2)])) == ["sales: 2 answers from publication a"]


@pytest.mark.slow
def test_readers_beside_each_other_print_a_line_a_question(built: Company, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--company", str(built.file), "--readers", "2", "--rounds", "2"]) == 0
    printed = capsys.readouterr().out
    assert "1 publication(s)" in printed and all(question in printed for question in QUESTIONS)
