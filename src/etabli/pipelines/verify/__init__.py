"""Verification of claimed numbers: what a claim file needs is run again and compared."""

from etabli.pipelines.verify.claim_file import ClaimFile, StatedClaim, read_claims, write_claims
from etabli.pipelines.verify.verification import Verification, VerifiedClaim, verify

__all__ = [
    "ClaimFile",
    "StatedClaim",
    "Verification",
    "VerifiedClaim",
    "read_claims",
    "verify",
    "write_claims",
]
