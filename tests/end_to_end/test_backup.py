"""A company that is restored elsewhere publishes what it published before."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.support.company import Company


@pytest.mark.slow
def test_a_company_restored_elsewhere_publishes_the_same(changed: Company, tmp_path: Path) -> None:
    own = changed.copy(tmp_path / "own")
    done = own.loyalty("backup", str(tmp_path / "backups"), "--keep", "3")
    (folder,) = (tmp_path / "backups").iterdir()
    assert done.code == 0 and str(folder) in done.text
    values = yaml.safe_load(own.file.read_text(encoding="utf-8"))
    file = tmp_path / "settings.yml"
    file.write_text(yaml.safe_dump({**values, "home": str(tmp_path / "new")}), encoding="utf-8")
    new = replace(own, file=file)
    done = new.loyalty("restore", str(folder))
    assert done.code == 0 and "loads what has come since, and publishes" in done.text, done.text
    new.run()
    assert new.marts() == changed.marts()
    assert new.warehouse("from ops.batches order by all") == own.warehouse("from ops.batches order by all")
    assert new.loyalty("restore", str(folder)).code == 2, "what is there is not replaced"
