import type { ReactNode } from 'react';
import type { PoolView } from '../../../shared/contract/engine/pools.ts';
import { locationOf } from '../../../shared/model/storage.ts';
import type { Question } from '../../components/confirm-dialog.tsx';
import { useText } from '../../text/use-text.ts';
import type { ClientChoice } from '../common/client-choices.ts';
import { useStorageLabel } from './storage-fields.tsx';
import type { StorageFieldName, StorageValues } from './storage-values.ts';

interface Wanted extends StorageValues {
  clients: string[];
  password: string;
}

type Asked = (values: Wanted, changed: readonly StorageFieldName[]) => Omit<Question, 'confirm'>;

/** What is asked before a pool gets another address or something else that opens it: what will be checked, and by whom. */
export function useMoveQuestion(pool: PoolView, choices: readonly ClientChoice[]): Asked {
  const { t } = useText();
  const labelOf = useStorageLabel();
  return (values, changed) => {
    const before = locationOf(pool.address);
    const after = pool.kind === 'local' ? values.path : values.url;
    const isMoved = after.trim() !== before;
    const isPlace = (name: StorageFieldName) => name === 'path' || name === 'url';
    const opening = [
      ...changed.filter((name) => !isPlace(name)).map((name) => labelOf(pool.kind, name)),
      ...(values.password === '' ? [] : [t('pool.repositoryPassword')]),
    ];
    const checkers = choices.filter(({ value }) => values.clients.includes(value)).map(({ label }) => label);
    const places: [string, ReactNode][] = [
      [t('confirm.movePool.from'), <Place key="from" text={before} />],
      [t('confirm.movePool.to'), <Place key="to" text={after.trim()} />],
    ];
    return {
      title: t(isMoved ? 'confirm.movePool.title' : 'confirm.movePool.titleOpening', { name: pool.name }),
      text: t(pool.repositoryPer === 'pool' ? 'confirm.movePool.text' : 'confirm.movePool.textOwn'),
      facts: [
        ...(isMoved ? places : []),
        ...(opening.length === 0 ? [] : [[t('confirm.movePool.changes'), opening.join(', ')] as const]),
        [t('confirm.movePool.checkedBy'), checkers.join(', ')],
        [t('confirm.back'), t('confirm.movePool.back')],
      ],
      verb: t('confirm.movePool.verb'),
      danger: false,
    };
  };
}

function Place({ text }: { readonly text: string }) {
  return <span className="mono wrap">{text}</span>;
}
