/** What looks like a key, of ours or of somebody else's. */
const keyLike = /\b(?:sk|gsk|csk|pk|xai|rk)-?_?[A-Za-z0-9_*-]{8,}|\bAIza[\w-]{10,}|\bBearer\s+\S+/g;

/** The credentials of an address: before its host, and among its parameters. */
const inAddress =
  /(?<=:\/\/)[^\s/@]+(?=@)|(?<=[?&][\w-]*(?:key|token|secret|signature|sig|password)=)[^\s&#"']+/gi;

/** Somebody else's words without what looks like a key in them, so that they may become part of an error. */
export function withoutKeys(text: string): string {
  return text.replace(keyLike, "***").replace(inAddress, "***");
}
