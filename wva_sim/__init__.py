"""The embedded cluster: a stand-in Kubernetes API with simulated vLLM pods and a simulated WVA.

`api` is the Kubernetes API, `vllm` and `wva` simulate servers and controller, `cluster` lets them run in it;
`python -m wva_sim serve` starts the whole. It imports nothing of `wva_parse`: what writes log lines and what reads
them meet only in the text.
"""
