import { createInterface } from 'node:readline';
import { serveFreeze } from './freeze-helper.ts';
import { type HelperEvent, helperCommandSchema, readLine, type ThawReason } from './helper-protocol.ts';

// The program that freezes one guest and thaws it whatever happens to the agent (DESIGN §6). It lives in a session of
// its own and says what it does on standard output; the first command, end of input or signal that means so, thaws.

/** Longer than the longest script in a guest, which runs before the freeze (600 s). */
const idleLimitMs = 15 * 60_000;

let working = false;
let wish: (why: ThawReason) => void = () => undefined;
const thaw = new Promise<ThawReason>((resolve) => {
  wish = resolve;
});
let wishFreeze: () => void = () => undefined;
const freeze = new Promise<void>((resolve) => {
  wishFreeze = resolve;
});

function say(event: HelperEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

function thawOrEnd(why: ThawReason): void {
  wish(why);
  if (!working) process.exit(0);
}

// The agent may be gone; whether it is shows itself on standard input.
process.stdout.on('error', () => undefined);
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => thawOrEnd('signal'));
const idle = setTimeout(() => thawOrEnd('timeLimit'), idleLimitMs);

createInterface({ input: process.stdin, crlfDelay: Infinity })
  .on('line', (line) => {
    const command = readLine(helperCommandSchema, line);
    if (command?.do === 'freeze' && working) {
      clearTimeout(idle);
      return wishFreeze();
    }
    if (command?.do !== 'prepare' || working) return thawOrEnd('asked');
    working = true;
    serveFreeze(command, { freeze, thaw }, say).then(
      () => process.exit(0),
      // Not thawed: the registry says so, and nobody reads more than the code.
      () => process.exit(1),
    );
  })
  .on('close', () => thawOrEnd('agentGone'));
