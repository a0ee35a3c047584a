import { createPublicKey, verify } from 'node:crypto';
import { challengePrefix } from '../../../shared/contract/agent/link.ts';
import type { Hello } from '../../../shared/contract/manager/all.ts';
import { AppError } from '../../../shared/errors.ts';
import { sshLocation } from '../../../shared/model/ssh.ts';
import { type ClientRow, getClient, type Introduction } from '../../database/clients.ts';
import { sshAddressOf } from '../../database/ssh-clients.ts';
import { type AdmissionDeps, takePlace } from '../enrolment.ts';

/** DER of an Ed25519 public key without its 32 raw bytes (RFC 8410). */
const keyPrefix = Buffer.from('302a300506032b6570032100', 'hex');

/**
 * Who speaks at the other end of an SSH line: it must have signed our nonce with the key that it names (DETAILS 13).
 * @param nonce base64
 * @throws AppError certificateMismatch without a good signature
 */
export function introduce(hello: Hello, nonce: string, address: string): Introduction {
  const { proof, signKey } = hello;
  if (proof === undefined || !isSigned(signKey, nonce, proof.signature))
    throw new AppError('certificateMismatch', `the agent at ${address} does not prove its key`);
  return { ...hello, fingerprint: proof.fingerprint, address };
}

function isSigned(signKey: string, nonce: string, signature: string): boolean {
  const raw = Buffer.from(signKey, 'base64');
  if (raw.length !== 32) return false;
  const key = createPublicKey({ key: Buffer.concat([keyPrefix, raw]), format: 'der', type: 'spki' });
  const text = Buffer.concat([Buffer.from(challengePrefix), Buffer.from(nonce, 'base64')]);
  return verify(null, text, key, Buffer.from(signature, 'base64'));
}

/**
 * Decides about the hello of a client that we dialled before: HWID and both keys are pinned since the first time. Its name
 * is the operator's.
 * @throws AppError certificateMismatch, duplicateHwid, clientRemoved, incompatible
 */
export async function readmit(deps: AdmissionDeps, clientId: number, hello: Hello, nonce: string): Promise<ClientRow> {
  const client = await getClient(deps.db, clientId);
  const ssh = sshAddressOf(client);
  if (ssh === null || client.decision !== 'authorized')
    throw new AppError('clientRemoved', `client "${client.name}" is no longer dialled over SSH`);
  const address = sshLocation(ssh);
  const introduction = introduce(hello, nonce, address);
  const { hwid, fingerprint, sign_key: signKey } = client;
  if (introduction.hwid !== hwid)
    throw new AppError('certificateMismatch', `${address} is the agent ${introduction.hwid}, not ${hwid}`);
  if (introduction.signKey !== signKey || introduction.fingerprint !== fingerprint)
    throw new AppError('certificateMismatch', `${address} has other keys for HWID ${hwid}`);
  return takePlace(deps, client, { ...introduction, name: client.name });
}
