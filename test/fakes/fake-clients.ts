import type { clientsContract } from '../../shared/contract/engine/clients.ts';
import type { Handlers, Topic } from '../../shared/contract/method.ts';
import { AppError } from '../../shared/errors.ts';
import { sshLocation } from '../../shared/model/ssh.ts';
import { type FakeData, fakeClient } from './fake-engine-data.ts';
import { nextId, pick, rowsOf } from './fake-tables.ts';

/** What every SSH server of the fake world shows. */
export const fakeHostKey = 'SHA256:7h3Qm1vZc8nXo5kLw2dRy9sTb4uEj6pGf0aHiKqNxMU';

/** The clients of a fake engine; a host named `nowhere` is not reached, a key with `wrong` in it is refused. */
export function fakeClients(
  data: FakeData,
  announce: (...topics: Topic[]) => void,
): Handlers<typeof clientsContract, unknown> {
  const change = (ref: string, values: object) => {
    const client = Object.assign(pick(data.clients, ref, 'client'), values);
    announce('clients');
    return client;
  };
  const reach = (host: string, port: number) => {
    if (host === 'nowhere')
      throw new AppError('sshFailed', `ssh://${host}:${port}: connect ECONNREFUSED`, { field: 'host' });
  };
  return {
    'clients.list': async () => rowsOf(data.clients),
    'clients.authorize': async ({ client }) =>
      change(client, { authorized: true, state: 'online', decidedAt: Date.now(), decidedBy: 'admin' }),
    'clients.probeSsh': async ({ host, port }) => {
      reach(host, port);
      return { hostKey: fakeHostKey };
    },
    'clients.addSsh': async ({ name, privateKey, ...ssh }) => {
      reach(ssh.host, ssh.port);
      if (privateKey.reveal().includes('wrong'))
        throw new AppError('sshDenied', `${sshLocation(ssh)}: the server does not accept this user with this key`, {
          field: 'privateKey',
        });
      const id = nextId(data.clients);
      data.clients.push(fakeClient(id, name, { transport: 'ssh', ssh, address: sshLocation(ssh) }));
      announce('clients');
      return pick(data.clients, String(id), 'client');
    },
    'clients.edit': async ({ client, description, group: ref }) => {
      const group = ref === undefined ? undefined : pick(data.groups, ref, 'client group');
      return change(client, {
        ...(description !== undefined && { description }),
        ...(group !== undefined && { groupId: group.id, group: group.name }),
      });
    },
    'clients.remove': async ({ client }) => change(client, { authorized: false, state: 'removed' }),
  };
}
