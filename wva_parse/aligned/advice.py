"""Advice that the notes of a run and its report give alike."""

HOW_TO_SAY_AN_SLO = "slo.itl_ms and slo.ttft_ms in the config, or --slo-itl and --slo-ttft, say one"
