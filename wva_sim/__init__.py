"""The embedded cluster: a stand-in Kubernetes API with simulated vLLM pods and a simulated WVA."""
