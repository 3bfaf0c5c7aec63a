"""A thousand loans of a German bank around 1975, and whether they were paid back."""

from __future__ import annotations

import numpy as np

from picozoo.data import _tables
from picozoo.data._info import Info, Split, check_split

# Column -> the codes it may hold, in the order of the code book, and what they mean; () is a number.
COLUMNS: dict[str, tuple[tuple[str, str], ...]] = {
    "checking account": (("A11", "below 0 DM"), ("A12", "0 to 200 DM"), ("A13", "200 DM or more"), ("A14", "none")),
    "duration, months": (),
    "credit history": (
        ("A30", "no credits taken"), ("A31", "all here paid back"), ("A32", "paid back till now"),
        ("A33", "delays in the past"), ("A34", "critical account"),
    ),
    "purpose": (
        ("A40", "new car"), ("A41", "used car"), ("A42", "furniture"), ("A43", "radio or television"),
        ("A44", "household appliances"), ("A45", "repairs"), ("A46", "education"), ("A48", "retraining"),
        ("A49", "business"), ("A410", "other"),
    ),
    "amount, DM": (),
    "savings": (
        ("A61", "below 100 DM"), ("A62", "100 to 500 DM"), ("A63", "500 to 1000 DM"), ("A64", "1000 DM or more"),
        ("A65", "unknown or none"),
    ),
    "employed for": (
        ("A71", "unemployed"), ("A72", "below 1 year"), ("A73", "1 to 4 years"), ("A74", "4 to 7 years"),
        ("A75", "7 years or more"),
    ),
    "instalment, % of income": (),
    "personal status and sex": (
        ("A91", "male divorced"), ("A92", "female not single"), ("A93", "male single"), ("A94", "male married"),
        ("A95", "female single"),
    ),
    "other debtors": (("A101", "none"), ("A102", "co-applicant"), ("A103", "guarantor")),
    "years at this address": (),
    "property": (("A121", "real estate"), ("A122", "life insurance"), ("A123", "car or other"), ("A124", "none known")),
    "age, years": (),
    "other instalment plans": (("A141", "bank"), ("A142", "stores"), ("A143", "none")),
    "housing": (("A151", "rent"), ("A152", "own"), ("A153", "for free")),
    "credits at this bank": (),
    "job": (
        ("A171", "unskilled, not resident"), ("A172", "unskilled"), ("A173", "skilled"), ("A174", "management"),
    ),
    "dependants": (),
    "telephone": (("A191", "none"), ("A192", "yes")),
    "foreign worker": (("A201", "yes"), ("A202", "no")),
}  # fmt: skip
INFO = Info(
    name="german_credit",
    title="German credit: 1,000 loans, 20 facts each, good or bad",
    licence="CC BY 4.0 (UCI Machine Learning Repository)",
    home=("https://archive.ics.uci.edu/dataset/144/statlog+german+credit+data",),
    folder="tabular",
    files=(
        _tables.file(
            _tables.BROWNLEE, "german.csv", "ec12a88b9fc14d74ba646ea0410cf7ff4533bec2eb61652f8ad76796bbfec017", 79793
        ),
    ),
    sizes={"train": 800, "test": 200},
    classes=("good", "bad"),
    note=(
        "300 of the 1,000 loans are bad, far more than the bank's share: they were sampled so. U. Groemping (2019) "
        "showed that the code book mixes up several meanings; read the names of values with care."
    ),
)


def load(split: str) -> Split:
    """The loans.

    Args:
        split: "train" (800) or "test" (200).

    Returns:
        x float32 (n, 20): numbers as they are, other columns as the place of their code in `COLUMNS`; y int64 (n,),
        1 for a loan that was not paid back as agreed.

    Raises:
        UsageError: another split.
        MissingTool: the file is not here; says how to get it.
        BadFile: the file is something else.
    """
    check_split(INFO, split)
    rows = _tables.rows(INFO, "german.csv", 21)
    columns = []
    for k, codes in enumerate(COLUMNS.values()):
        words = [r[k] for r in rows]
        known = [code for code, _ in codes]
        column = _tables.classes(INFO, words, known) if codes else _tables.numbers(INFO, [[w] for w in words])[:, 0]
        columns.append(np.asarray(column, np.float32))
    x = np.stack(columns, axis=1)
    return _tables.part(INFO, x, _tables.classes(INFO, [r[20] for r in rows], ("1", "2")), split)


def encode(x: np.ndarray, leave_out: tuple[str, ...] = ()) -> tuple[np.ndarray, tuple[tuple[str, str], ...]]:
    """One column per code, one per number.

    Args:
        x: (n, 20), as `load` gives it.
        leave_out: columns that are not wanted.

    Returns:
        float32 (n, m), and for each of the m columns (name, value), value "" for numbers.

    Example:
        >>> x, names = encode(np.zeros((1, 20)))
        >>> x.shape, names[0], names[4]
        ((1, 62), ('checking account', 'below 0 DM'), ('duration, months', ''))
    """
    made, names = [], []
    for k, (column, codes) in enumerate(COLUMNS.items()):
        if column in leave_out:
            continue
        for place, (_, meaning) in enumerate(codes):
            made.append(x[:, k] == place)
            names.append((column, meaning))
        if not codes:
            made.append(x[:, k])
            names.append((column, ""))
    return np.stack(made, axis=1).astype(np.float32), tuple(names)
