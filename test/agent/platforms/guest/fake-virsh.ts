import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Plays virsh with one guest; its state lies in files beside it: `frozen`, `state` (domstate), `fail-COMMAND` (text),
 * `once-COMMAND` (the same, one time), `slow-COMMAND` (seconds), `exec` and `exec-status` (answers of the agent).
 */
const script = `#!/bin/sh
d=$(dirname "$0"); uri=$2
case "$3" in *';'*)
  list="$3;"; code=0
  while [ -n "$list" ]; do "$0" --connect "$uri" \${list%%;*}; code=$?; list=\${list#*;}; done
  exit $code;;
esac
shift 2; c=$1
echo "$*" >> "$d/calls"
fail() { echo "error: $1" >&2; exit 1; }
[ ! -e "$d/slow-$c" ] || sleep "$(cat "$d/slow-$c")"
[ ! -e "$d/fail-$c" ] || fail "$(cat "$d/fail-$c")"
[ ! -e "$d/once-$c" ] || { t=$(cat "$d/once-$c"); rm "$d/once-$c"; fail "$t"; }
no="internal error: unable to execute QEMU agent command"
still="has been disabled: the agent is in frozen state"
case $c in
  domfsinfo) [ ! -e "$d/frozen" ] || fail "$no 'guest-get-fsinfo': Command guest-get-fsinfo $still";;
  domfsfreeze) [ ! -e "$d/frozen" ] || fail "$no 'guest-fsfreeze-freeze': Command guest-fsfreeze-freeze $still"
    touch "$d/frozen"; echo 'Froze 2 filesystem(s)';;
  domfsthaw) if [ -e "$d/frozen" ]; then rm "$d/frozen"; echo 'Thawed 2 filesystem(s)'; else echo 'Thawed 0 filesystem(s)'; fi;;
  domstate) if [ -e "$d/state" ]; then cat "$d/state"; else echo running; fi;;
  qemu-agent-command) case "$*" in
    *guest-exec-status*) cat "$d/exec-status";;
    *) [ ! -e "$d/frozen" ] || fail "$no 'guest-exec': Command guest-exec $still"; cat "$d/exec";; esac;;
esac
`;

/** A folder with a fake virsh, first on PATH until `close`. */
export class FakeVirsh {
  readonly folder = mkdtempSync(join(tmpdir(), 'hf-virsh-'));
  readonly #path = process.env['PATH'];

  constructor() {
    writeFileSync(join(this.folder, 'virsh'), script, { mode: 0o755 });
    process.env['PATH'] = `${this.folder}:${this.#path ?? ''}`;
  }

  set(name: string, content = ''): void {
    writeFileSync(join(this.folder, name), content);
  }

  unset(name: string): void {
    rmSync(join(this.folder, name), { force: true });
  }

  /** What a script in the guest does. */
  script(exitcode: number, error = ''): void {
    this.set('exec', '{"return":{"pid":7}}');
    const data = Buffer.from(error).toString('base64');
    this.set('exec-status', JSON.stringify({ return: { exited: true, exitcode, 'err-data': data } }));
  }

  get frozen(): boolean {
    return existsSync(join(this.folder, 'frozen'));
  }

  /** The commands so far, without the connection. */
  get calls(): string[] {
    return existsSync(join(this.folder, 'calls'))
      ? readFileSync(join(this.folder, 'calls'), 'utf8').trim().split('\n')
      : [];
  }

  close(): void {
    process.env['PATH'] = this.#path;
    // A helper that was let go may still be writing here.
    rmSync(this.folder, { recursive: true, maxRetries: 10, retryDelay: 50 });
  }
}
