"""The paper's claims on radar, on audio and on their crossing, in the order of the ledger."""

from mstask.studies.matching import audio_claims, crossing_claims, radar_claims

CLAIMS = (*crossing_claims.CLAIMS, *radar_claims.CLAIMS, *audio_claims.CLAIMS)
