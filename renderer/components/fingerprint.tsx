/** `SHA256:` and unpadded base64 as 32 pairs of hex digits (DETAILS 12); empty when it is no such text. */
export function hexPairs(fingerprint: string): string[] {
  const base64 = fingerprint.replace(/^SHA256:/u, '');
  let bytes: string;
  try {
    bytes = atob(base64);
  } catch {
    // Not base64: shown as it is by the caller.
    return [];
  }
  return Array.from(bytes, (char) => char.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase());
}

/** A fingerprint to compare by eye: four lines of eight pairs. */
export function Fingerprint({ value, label }: { readonly value: string; readonly label: string }) {
  const pairs = hexPairs(value);
  if (pairs.length === 0) return <span className="mono wrap">{value}</span>;
  return (
    <div className="fp" role="img" aria-label={`${label}: ${pairs.join(' ')}`}>
      {pairs.map((pair, index) => (
        <span key={index} aria-hidden>
          {pair}
        </span>
      ))}
    </div>
  );
}
