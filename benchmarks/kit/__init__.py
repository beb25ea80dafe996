"""What several benchmarks share: servers, boards, load and figures."""
