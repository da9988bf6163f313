"""Security groups and network ACLs as accounts have them: protocol, first and last port, source."""

from __future__ import annotations

ANY, ANY_V6, INNER = "0.0.0.0/0", "::/0", "10.0.0.0/8"
GROUPS: dict[str, list[tuple[str, int, int, str]]] = {
    "alb-public": [("tcp", 80, 80, ANY), ("tcp", 443, 443, ANY), ("tcp", 443, 443, ANY_V6), ("udp", 443, 443, ANY)],
    "nlb-tls": [("tcp", 8443, 8443, ANY)],
    "k8s-traffic-shop": [("tcp", 80, 80, ANY), ("tcp", 443, 443, ANY)],
    "eks-nodes": [("tcp", 1025, 65535, INNER), ("tcp", 443, 443, INNER)],
    "eks-cluster-shop": [("-1", -1, -1, INNER)],
    "karpenter-nodes": [("-1", -1, -1, INNER)],
    "rds-shop": [("tcp", 5432, 5432, INNER)],
    "redis-shop": [("tcp", 6379, 6379, INNER)],
    "opensearch": [("tcp", 443, 443, INNER)],
    "bastion": [("tcp", 22, 22, "203.0.113.7/32")],
    "wireguard": [("udp", 51820, 51820, ANY)],
    "openvpn": [("udp", 1194, 1194, ANY), ("tcp", 443, 443, ANY)],
    "ipsec": [("udp", 500, 500, ANY), ("udp", 4500, 4500, ANY)],
    "turn": [("udp", 3478, 3478, ANY), ("udp", 49152, 65535, ANY)],
    "webrtc": [("udp", 10000, 20000, ANY)],
    "ftps": [("tcp", 990, 990, ANY), ("tcp", 50000, 50100, ANY)],
    "mosh": [("udp", 60000, 61000, ANY)],
    "ping": [("icmp", -1, -1, ANY)],
    "smtp-in": [("tcp", 25, 25, ANY), ("tcp", 587, 587, ANY)],
    "dns": [("udp", 53, 53, ANY), ("tcp", 53, 53, ANY)],
    "vpc-endpoints": [("tcp", 443, 443, INNER)],
    "lambda": [],
    "efs": [("tcp", 2049, 2049, INNER)],
    "msk": [("tcp", 9092, 9098, INNER)],
    "documentdb": [("tcp", 27017, 27017, INNER)],
}
ACLS: dict[str, list[tuple[int, str, int, int, str]]] = {
    "public": [(100, "6", 80, 80, ANY), (110, "6", 443, 443, ANY), (140, "6", 32768, 65535, ANY)],
    "nat": [(100, "6", 1024, 65535, ANY), (110, "17", 1024, 65535, ANY)],
    "private": [(100, "-1", 0, 0, INNER)],
}
"""By name, the rules' numbers and the same; https://docs.aws.amazon.com/vpc/latest/userguide/custom-network-acl.html."""
