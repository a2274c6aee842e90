"""D0, before the first release. Its solution names no variant, and its waiting time is no TTFT."""

from __future__ import annotations

from wva_parse.log.table.form import SOLUTIONS, LogLine

EVENTS = (
    LogLine(
        "slo",
        "D0",
        "Found SLO for model - model: <model>, class: <_>, slo-itl: <slo_itl_ms:float>, slo-ttw: <_:float>",
        "Found SLO for model - model: default, class: Premium, slo-itl: 24, slo-ttw: 500",
        opens=True,
    ),
    LogLine(
        "slo",
        "D0",
        "Found SLOmodel<model>class<_>slo-itl<slo_itl_ms:float>slo-ttw<_:float>",
        "Found SLOmodeldefaultclassPremiumslo-itl24slo-ttw500",
        opens=True,
    ),
    LogLine(
        "",
        "D0",
        "optimization solution system Solution: \n<_>",
        "optimization solution system Solution: \nc=Premium; m=default; rate=38.67; tk=119; sol=3, alloc={acc=G2; "
        "num=1; maxBatch=4; cost=23, val=-10.7, servTime=17.93741, waitTime=51.055664, rho=0.74483395}; slo-itl=24, "
        "slo-ttw=500, slo-tps=0 \nAllocationByType: \nname=G2, count=1, limit=0, cost=23 \ntotalCost=23 \n",
        each=(
            (
                "prediction",
                "c=<_>; m=<model>; rate=<arrival_rate_per_min:float>; tk=<output_tokens:float>; sol=<_>, "
                "alloc={acc=<_>; num=<predicted_replicas:int>; maxBatch=<_>; cost=<cost:float>, val=<_>, "
                "servTime=<predicted_itl_ms:float>, waitTime=<_>, rho=<_>}; slo-itl=<slo_itl_ms:float>, slo-ttw=<_>",
            ),
        ),
        parts=SOLUTIONS,
        called="solutions",
    ),
)
