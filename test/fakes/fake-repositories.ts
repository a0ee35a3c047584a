import type { EngineContract } from '../../shared/contract/engine/all.ts';
import type { Handlers, Topic } from '../../shared/contract/method.ts';
import { AppError } from '../../shared/errors.ts';
import type { FakeData } from './fake-engine-data.ts';

type Api = Handlers<EngineContract, unknown>;

/** Maintenance without a repository: only the keys are there. */
export function fakeRepositories(
  data: FakeData,
  announce: (...topics: Topic[]) => void,
): Pick<Api, Extract<keyof Api, `repositories.${string}`>> {
  return {
    'repositories.stats': async () => {
      throw new AppError('clientOffline', 'no repository is behind this engine');
    },
    'repositories.locks': async () => ({ locks: [], unanswered: [] }),
    'repositories.adopt': async () => ({ adopted: 0, known: 0, damaged: 0, unanswered: data.unanswered }),
    'repositories.keys': async () => ({ keys: data.keys }),
    'repositories.addKey': async ({ client }) => {
      data.keyClients.push(client ?? null);
      return { id: 'c'.repeat(64) };
    },
    'repositories.removeKey': async ({ key }) => {
      data.keys = data.keys.filter(({ id }) => id !== key);
      announce('pools');
      return {};
    },
    'repositories.changePassword': async () => ({ id: 'c'.repeat(64), removed: null, problem: null }),
    'repositories.exportKey': async () => ({
      repositoryId: 'd'.repeat(64),
      keyId: 'a'.repeat(64),
      text: '{"created":"2026-11-21T10:00:00Z"}',
    }),
    'repositories.password': async ({ client, group }) => ({
      place: '/srv',
      repositoryId: 'd'.repeat(64),
      password: `derived for ${client ?? group}`,
    }),
    'repositories.check': async () => ({ taskIds: [] }),
    'repositories.prune': async () => ({ taskIds: [] }),
    'repositories.rebuildIndex': async () => ({ taskIds: [] }),
  };
}
