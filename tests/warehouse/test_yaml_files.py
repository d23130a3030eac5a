"""YAML files: plain values with their lines; whatever else stands in one is told by its line."""

from pathlib import Path

import pytest

from warehouse.errors import UserError
from warehouse.yaml_files import MOST_BYTES, read_yaml


def write(tmp_path: Path, content: str | bytes) -> Path:
    file = tmp_path / "file.yml"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def test_values_know_their_lines(tmp_path: Path) -> None:
    file = write(tmp_path, "a: 1\nb:\n  c: x\n  d:\n    - 5\n    - 6\n")
    read = read_yaml(file)
    assert read.values == {"a": 1, "b": {"c": "x", "d": [5, 6]}}
    assert read.place(("b", "d", 1)) == f"{file}: line 6"
    assert read.place(("b", "none")) == f"{file}: line 2" and read.place(("none",)) == str(file)


def test_anchors_and_merges_are_followed(tmp_path: Path) -> None:
    read = read_yaml(write(tmp_path, "one: &one {x: 1, y: 2}\ntwo:\n  <<: *one\n  y: 3\n"))
    assert read.values["two"] == {"x": 1, "y": 3}


BOMB = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("a: [1\n", "line 2: not valid YAML"),
        ("a: 1\nb: 2023-02-30\n", "line 2: not valid YAML: '2023-02-30' is no timestamp"),
        ('a: 1\nb: "x\\ud800"\n', "line 2: not valid YAML: found U+D800, which is half a character"),
        ('a: 1\n"\\udfff": 1\n', "line 2: not valid YAML: found U+DFFF"),
        ("a: 1\nb: 2\na: 3\n", 'line 3: the key "a" stands in line 1 already'),
        ("a: !!python/object/apply:os.system [id]\n", "line 1: not valid YAML"),
        ("a: &x [*x]\n", "line 1: an alias (*name) stands inside of its own anchor"),
        ("? [1, 2]\n: 3\n", "line 1: not valid YAML: while constructing a mapping, found unhashable key"),
        (BOMB, "values"),
        ("a: " + "[" * 5_000 + "]" * 5_000, "nested too deeply"),
        ("a: " + "9" * 5_000, "line 1: not valid YAML"),
        ("- 1\n", "expected `key: value` lines"),
        ("", "expected `key: value` lines"),
        ("a: \0\n", "U+0000"),
        (b"a: \xff\n", "not UTF-8: byte 0xff at position 3"),
        ("#" * (MOST_BYTES + 1), "larger than"),
        ("--- 1\n--- 2\n", "not valid YAML"),
    ],
)
def test_whatever_is_wrong_is_told_with_its_place(tmp_path: Path, content: str | bytes, told: str) -> None:
    file = write(tmp_path, content)
    with pytest.raises(UserError) as refused:
        read_yaml(file)
    message = str(refused.value)
    assert message.startswith(f"{file}: ") and told in message and len(message) < 400


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_yaml(tmp_path)
