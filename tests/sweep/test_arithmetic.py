"""The simulation by which docs/sweep.md says how long a sweep takes."""

from __future__ import annotations

from collections import Counter

import pytest

from bench.swept import LATENCY, LIMITS, simulate


def test_a_limit_is_kept_to_however_many_work() -> None:
    limit = LIMITS["ec2"]
    jobs = [Counter({"ec2:DescribeSnapshotAttribute": 100})] * 50
    seconds, slowest = simulate(jobs, 30)
    assert seconds == pytest.approx((5000 - limit.burst) / limit.rate, rel=0.02)
    assert slowest == "ec2:DescribeSnapshotAttribute"


def test_without_a_limit_in_the_way_it_is_the_calls_time() -> None:
    seconds, _ = simulate([Counter({"ec2:DescribeVolumes": 5})] * 4, 2)
    assert seconds == pytest.approx(10 * LATENCY)


def test_limits_of_different_operations_do_not_add_up() -> None:
    one, other = Counter({"ec2:DescribeSnapshotAttribute": 500}), Counter({"ec2:DescribeImageAttribute": 500})
    assert simulate([one, other], 2)[0] == pytest.approx(simulate([one], 1)[0], rel=0.02)


def test_what_shares_a_limit_does() -> None:
    one, other = Counter({"lambda:ListAliases": 300}), Counter({"lambda:ListFunctionUrlConfigs": 300})
    assert simulate([one, other], 2)[0] == pytest.approx(600 / LIMITS["lambda"].rate, rel=0.05)
