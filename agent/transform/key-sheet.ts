import { createHash } from 'node:crypto';
import { AppError } from '../../shared/errors.ts';
import type { NamedKey } from './key-store.ts';
import { keyIdOf, transformKeyBytes } from './transform-key.ts';

const lineBytes = 8;
const lines = transformKeyBytes / lineBytes;

/** Sixteen bits over a line and its number: a mistyped or misplaced line is found before the whole key is compared. */
function checkOf(line: number, bytes: Uint8Array): string {
  return createHash('sha256').update(`holdfast-key-line ${line}\n`).update(bytes).digest('hex').slice(0, 4);
}

function groups(hex: string): string {
  return (hex.match(/.{4}/gu) ?? []).join(' ');
}

/** A key as text to be printed and typed in again: four lines of four groups, each with a checksum. */
export function keySheet({ id, key }: NamedKey, client: string): string {
  const rows = Array.from({ length: lines }, (_, i) => {
    const bytes = key.subarray(i * lineBytes, (i + 1) * lineBytes);
    return `  ${i + 1}   ${groups(Buffer.from(bytes).toString('hex'))}   ${checkOf(i + 1, bytes)}`;
  });
  return `HOLDFAST TRANSFORMATION KEY

Key ID   ${groups(id)}
Client   ${client.replace(/\p{Cc}/gu, '_')}

${rows.join('\n')}

The last group of each line is a checksum.
Whoever has this sheet and the repository's password can read the transformed backups of this client.
Whoever has neither this sheet nor the client's transform.key can never restore them. Keep it in a safe place.

To use it: type the line "Key ID" and the four numbered lines into a file and run
  holdfast-agent keys import --from FILE
`;
}

/**
 * The key on a sheet; everything but the line of the ID and the four numbered ones is passed over.
 * @param field option that named the text, for messages
 * @throws AppError invalidValue naming the line that is mistyped
 */
export function readKeySheet(text: string, field: string): Uint8Array {
  const wrong = (problem: string) => new AppError('invalidValue', `${field}: ${problem}`, { field });
  const id = /^\s*key\s+id[\s:]+((?:[0-9a-f]{4}\s*){8})$/imu.exec(text)?.[1]?.replace(/\s/gu, '').toLowerCase();
  if (id === undefined) throw wrong('there is no line "Key ID" with eight groups of four digits');
  const key = Buffer.alloc(transformKeyBytes);
  for (let line = 1; line <= lines; line++) {
    const row = new RegExp(`^\\s*${line}\\s+((?:[0-9a-f]{4}\\s+){4})([0-9a-f]{4})\\s*$`, 'imu').exec(text);
    const bytes = Buffer.from(row?.[1]?.replace(/\s/gu, '') ?? '', 'hex');
    if (bytes.length !== lineBytes) throw wrong(`line ${line} of the key is missing or has not five groups`);
    if (checkOf(line, bytes) !== row?.[2]?.toLowerCase())
      throw wrong(`line ${line} of the key is mistyped: its checksum does not fit`);
    key.set(bytes, (line - 1) * lineBytes);
  }
  if (keyIdOf(key).toString('hex') !== id) throw wrong('the key is not the one that "Key ID" names');
  return key;
}

/** A key from a file: its 32 bytes as they are in an agent's folder, or a sheet. @throws AppError invalidValue */
export function readKeyFile(content: Buffer, field: string): Uint8Array {
  return content.length === transformKeyBytes ? content : readKeySheet(content.toString('utf8'), field);
}
