"""Globs of the settings and ARNs: AWS's way."""

from __future__ import annotations

import pytest

from chalicelib.core.arns import fits, without_path

RESCUE = "arn:aws:iam::111122223333:role/break-glass/Rescue"


@pytest.mark.parametrize(
    "glob",
    [
        RESCUE,
        "arn:aws:iam::*:role/break-glass/*",
        "arn:aws:iam::111122223333:role/break-*",
        "*Rescue",
        "arn:aws:iam::111122223333:role/break-glass/RESCUE",
        "arn:aws:iam::111122223333:role/break-glass/res*",
        "*/rescue",
        "*",
    ],
)
def test_what_means_a_role_with_a_path(glob: str) -> None:
    assert fits(glob, RESCUE)


@pytest.mark.parametrize(
    "glob",
    [
        "arn:aws:iam::111122223333:role/Rescue",  # By itself; whoever wants it passes the form without a path as well.
        "arn:aws:iam::111122223333:role/Break-Glass/Rescue",  # Paths differ by case.
        "arn:aws:iam::444455556666:role/break-glass/Rescue",
        "arn:aws:iam::111122223333:user/break-glass/Rescue",
        "arn:aws:iam::111122223333:role/break-glass/Rescue-2",
        "",
    ],
)
def test_what_does_not(glob: str) -> None:
    assert not fits(glob, RESCUE)


def test_other_services_names_differ_by_case() -> None:
    assert not fits(
        "arn:aws:lambda:us-east-1:111122223333:function:Web", "arn:aws:lambda:us-east-1:111122223333:function:web"
    )


def test_a_whole_arn_means_itself_whatever_its_path_holds() -> None:
    odd = "arn:aws:iam::111122223333:role/a[b]*?/deploy"
    assert fits(odd, odd)


@pytest.mark.parametrize(
    ("arn", "without"),
    [
        (RESCUE, "arn:aws:iam::111122223333:role/Rescue"),
        ("arn:aws:iam::111122223333:role/a/b/c/Rescue", "arn:aws:iam::111122223333:role/Rescue"),
        ("arn:aws-us-gov:iam::111122223333:user/ops/bot", "arn:aws-us-gov:iam::111122223333:user/bot"),
        ("arn:aws:iam::111122223333:group/ops/all", "arn:aws:iam::111122223333:group/all"),
        ("arn:aws:iam::111122223333:policy/ops/all", "arn:aws:iam::111122223333:policy/all"),
        ("arn:aws:iam::aws:policy/job-function/Billing", "arn:aws:iam::aws:policy/Billing"),
        ("arn:aws:iam::111122223333:instance-profile/ops/web", "arn:aws:iam::111122223333:instance-profile/web"),
        (
            "arn:aws:iam::111122223333:server-certificate/cloudfront/web",
            "arn:aws:iam::111122223333:server-certificate/web",
        ),
        ("arn:aws:iam::111122223333:role/Rescue", "arn:aws:iam::111122223333:role/Rescue"),
        ("arn:aws:iam::111122223333:access-key/bot/AKIA", "arn:aws:iam::111122223333:access-key/bot/AKIA"),
        (
            "arn:aws:iam::111122223333:oidc-provider/a.example/id",
            "arn:aws:iam::111122223333:oidc-provider/a.example/id",
        ),
        ("arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:root"),
        ("arn:aws:s3:::acme/a/b", "arn:aws:s3:::acme/a/b"),
    ],
)
def test_the_form_without_a_path(arn: str, without: str) -> None:
    assert without_path(arn) == without
