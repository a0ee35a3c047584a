import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, hasCode } from '../../../../shared/errors.ts';
import { runProgram } from '../../../../shared/node/run-program.ts';
import { exists } from '../../../disks/exists.ts';
import { isLocked } from '../../../disks/qcow2-bitmaps.ts';
import { Virsh } from '../virsh.ts';
import type { XmlElement } from '../xml.ts';
import { formatXml, parseXml } from '../xml.ts';
import { withXmlFile } from '../xml-file.ts';
import type { MadeOverlays, Overlay } from './overlays.ts';
import { chainOf, putBack } from './overlays.ts';

const pollMs = 200;
/** A commit that fails is begun again this often; it loses nothing. */
const maxCommits = 3;
/** Committing what a guest wrote during one backup. */
const commitLimitMs = 6 * 3600 * 1000;

/**
 * Commits overlays into their images and removes them, whether the VM runs or not; whatever the guest wrote is kept. Doing
 * it twice does no harm. Overlays of a VM that is gone stay where they are: they hold its newest data.
 * @param folder of the agent, for the document that virsh wants as a file
 * @returns paths of those that stay
 * @throws AppError exportFailed, objectBusy, platformUnreachable, programMissing: try again later
 */
export async function settleOverlays({ uri, domain, overlays }: MadeOverlays, folder: string): Promise<string[]> {
  const virsh = new Virsh(uri);
  const left: string[] = [];
  for (const overlay of overlays) {
    const settled = await settle({ virsh, domain, overlay, folder });
    if (!settled && (await exists(overlay.overlay))) left.push(overlay.overlay);
  }
  return left;
}

interface Settling {
  readonly virsh: Virsh;
  readonly domain: string;
  readonly overlay: Overlay;
  readonly folder: string;
}

/** @returns false when the VM is gone */
async function settle(settling: Settling): Promise<boolean> {
  let commits = 0;
  const deadline = Date.now() + commitLimitMs;
  while (Date.now() < deadline) {
    const step = await nextStep(settling);
    if (step === 'gone') return false;
    if (step === 'done') {
      await rm(settling.overlay.overlay, { force: true });
      return true;
    }
    const begun = await take(step, settling);
    if (begun && ++commits > maxCommits) throw stuck(settling.overlay, 'committing it fails');
  }
  throw stuck(settling.overlay, 'committing it takes too long');
}

/**
 * What has to be done next: let QEMU commit, wait for it, switch over, commit the files of a VM that is shut off, put the
 * configuration right, remove the file.
 */
type Step = 'commit' | 'wait' | 'pivot' | 'commitFiles' | 'putBack' | 'done' | 'gone';

async function nextStep({ virsh, domain, overlay }: Settling): Promise<Step> {
  try {
    const live = parseXml(await virsh.run(['dumpxml', domain]), 'the domain XML');
    const inactive = parseXml(await virsh.run(['dumpxml', domain, '--inactive']), 'the domain XML');
    return chooseStep(live, inactive, overlay);
  } catch (error) {
    if (hasCode(error, 'objectVanished')) return 'gone';
    throw error;
  }
}

/** @param live the domain as it is now, @param inactive as it will be started next */
export function chooseStep(live: XmlElement, inactive: XmlElement, { target, overlay }: Overlay): Step {
  const active = live.attributes.has('id');
  const now = active ? chainOf(live, target) : undefined;
  if (now?.files.includes(overlay) === true) {
    if (now.mirror === undefined) return 'commit';
    return now.mirror.ready && now.mirror.job === 'active-commit' ? 'pivot' : 'wait';
  }
  if (chainOf(inactive, target)?.files[0] !== overlay) return 'done';
  return active ? 'putBack' : 'commitFiles';
}

/** @returns true when a commit was begun */
async function take(step: Step, settling: Settling): Promise<boolean> {
  const { virsh, domain, overlay } = settling;
  if (step === 'commit') return commit(settling);
  if (step === 'pivot') await tolerant(() => virsh.run(['blockjob', domain, overlay.target, '--pivot']));
  else if (step === 'commitFiles') {
    if (await commitFiles(overlay.overlay)) await putConfigurationBack(settling);
  } else if (step === 'putBack') await putConfigurationBack(settling);
  else await sleep(pollMs);
  return false;
}

/** Into the image right below it, never further down: that may belong to others as well. */
async function commit({ virsh, domain, overlay }: Settling): Promise<boolean> {
  await sleep(pollMs);
  const job = await virsh.run(['blockjob', domain, overlay.target, '--info']).catch(whenOff);
  if (/block (commit|copy|pull)/iu.test(job)) return false;
  const live = parseXml(await virsh.run(['dumpxml', domain]), 'the domain XML');
  const onTop = chainOf(live, overlay.target)?.files[0] === overlay.overlay;
  // Somebody may have taken another snapshot above ours: then there is nothing to switch over.
  const range = onTop ? ['--shallow', '--active'] : ['--top', overlay.overlay, '--base', overlay.base];
  await tolerant(() => virsh.run(['blockcommit', domain, overlay.target, ...range]));
  return true;
}

function whenOff(error: unknown): string {
  if (error instanceof AppError && /domain is not running/iu.test(error.message)) return '';
  throw error;
}

/** What libvirt refuses because the VM was just shut off or the job just ended is looked at again. */
async function tolerant(run: () => Promise<string>): Promise<void> {
  try {
    await run();
  } catch (error) {
    const passing =
      /domain is not running|no (current|active) block job|already in active block job|not yet ready|not ready/iu;
    if (!(error instanceof AppError) || !passing.test(error.message)) throw error;
    await sleep(pollMs);
  }
}

/** @returns false when the VM was started meanwhile: then QEMU commits it */
async function commitFiles(overlay: string): Promise<boolean> {
  const image = { driver: 'qcow2', file: { driver: 'file', filename: overlay } };
  try {
    await runProgram('qemu-img', ['commit', '-q', `json:${JSON.stringify(image)}`], { timeoutMs: commitLimitMs });
    return true;
  } catch (error) {
    if (!isLocked(error)) throw error;
    await sleep(pollMs);
    return false;
  }
}

/** The saved configuration names the image again; nothing else of it is touched. */
async function putConfigurationBack({ virsh, domain, overlay, folder }: Settling): Promise<void> {
  // Without the secrets in it (console passwords) they would be lost.
  const text = await virsh.run(['dumpxml', domain, '--inactive', '--security-info']);
  const root = parseXml(text, 'the domain XML');
  if (chainOf(root, overlay.target)?.files[0] !== overlay.overlay) return;
  putBack(root, overlay);
  await withXmlFile(folder, formatXml(root), (path) => virsh.run(['define', path]));
}

function stuck({ overlay, base, target }: Overlay, why: string): AppError {
  return new AppError('exportFailed', `the overlay ${overlay} of disk ${target} cannot be put back: ${why}`, {
    hint: `The virtual machine goes on working with it and nothing is lost. By hand: virsh blockcommit … ${target} --active --pivot --shallow, into ${base}.`,
  });
}
