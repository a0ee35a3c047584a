import { useEffect } from 'react';
import type { ObjectView } from '../../../shared/contract/engine/objects.ts';
import { useAppDispatch } from '../../store/store.ts';
import { runCommand } from '../../store/use-command.ts';
import { useEngine } from '../../store/use-engine.ts';
import type { QueryState } from '../common/use-query-state.ts';

const none: readonly ObjectView[] = [];

function matches(object: ObjectView, words: readonly string[]): boolean {
  const text = `${object.name} ${object.uuid} ${object.platform}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

/** VMs of the chosen client that match the search. */
export function useObjects(query: QueryState) {
  const answer = useEngine('objects.list', { live: false });
  const all = answer.data?.rows ?? none;
  const clientId = query.getId('client');
  const words = query.get('q').toLowerCase().split(/\s+/u).filter(Boolean);
  const rows = all.filter(
    (object) => (clientId === undefined || object.clientIds.includes(clientId)) && matches(object, words),
  );
  return { ...answer, all, rows };
}

/** The stored rows answer at once; on opening, the agents are asked behind them (DETAILS 18). */
export function useRefreshOnOpen(): void {
  const dispatch = useAppDispatch();
  useEffect(() => {
    // Errors of single platforms stand in the platform's own line.
    void dispatch(runCommand('objects.refresh', {}));
  }, [dispatch]);
}
