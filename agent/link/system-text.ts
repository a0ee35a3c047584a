import { arch, availableParallelism, platform, release, totalmem } from 'node:os';
import { readIfThere } from '../../shared/node/tls.ts';

/** What this host says about itself, e.g. "Debian GNU/Linux 12 (bookworm), x64, 2 cores, 24 GiB". */
export async function systemText(): Promise<string> {
  const name = /^PRETTY_NAME="?([^"\n]*)/mu.exec((await readIfThere('/etc/os-release')) ?? '')?.[1];
  const memory = `${Math.round(totalmem() / 1024 ** 3)} GiB`;
  return `${name ?? `${platform()} ${release()}`}, ${arch()}, ${availableParallelism()} cores, ${memory}`.slice(0, 300);
}
