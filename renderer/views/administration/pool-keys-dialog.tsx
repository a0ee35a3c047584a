import { Modal, Select } from '@mantine/core';
import { IconPrinter, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import type { PoolView } from '../../../shared/contract/engine/pools.ts';
import type { RepositoryKeyView } from '../../../shared/model/maintenance.ts';
import { keySheetHtml } from '../../../shared/paper/key-sheet.ts';
import { ErrorLine } from '../../components/error-line.tsx';
import { FormRow } from '../../components/form-row.tsx';
import { saveFile } from '../../components/save-file.ts';
import { Time } from '../../components/time.tsx';
import { useCommand } from '../../store/use-command.ts';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';
import { useDialogs } from '../common/dialog-host.tsx';
import { useTry } from '../common/use-run.ts';
import { NewPassword } from './new-password.tsx';
import { RepositoryPassword } from './repository-password.tsx';

/** The passwords that open the repository of a pool: a list, a new one, the key for paper. */
export function PoolKeysDialog({ pool, onClose }: { readonly pool: PoolView; readonly onClose: () => void }) {
  const { t } = useText();
  const [owner, setOwner] = useState(String(pool.repositories[0]?.id));
  const isShared = pool.repositoryPer === 'pool';
  const chosen = pool.repositories.find(({ id }) => String(id) === owner);
  const { clientId = null, groupId = null } = chosen ?? {};
  const named = {
    pool: String(pool.id),
    ...(clientId !== null && { client: String(clientId) }),
    ...(groupId !== null && { group: String(groupId) }),
  };
  const { data, error } = useEngine('repositories.keys', named);
  const exporting = useCommand('repositories.exportKey');
  const attempt = useTry();
  const { ask } = useDialogs();
  const remove = (key: RepositoryKeyView) =>
    ask({
      title: t('poolKeys.removeTitle', { id: shortId(key) }),
      text: t('poolKeys.removeText'),
      facts: [[t('poolKeys.writtenBy'), key.problem ?? `${key.username}@${key.hostname}`]],
      verb: t('poolKeys.removeVerb'),
      confirm: () => attempt('repositories.removeKey', { ...named, key: key.id }),
    });
  const print = async () => {
    const outcome = await exporting.run(named);
    if (!outcome.ok) return;
    const facts = { ...outcome.value, pool: pool.name, location: chosen?.place ?? pool.path, printedAt: Date.now() };
    saveFile(
      `${[pool.name, chosen?.client ?? chosen?.group].filter(Boolean).join('-')}-key.html`,
      'text/html',
      keySheetHtml(facts),
    );
  };
  const failure = error ?? exporting.error;
  return (
    <Modal
      opened
      onClose={onClose}
      title={t('poolKeys.title', { name: pool.name })}
      size={640}
      centered
      transitionProps={{ duration: 0 }}
      lockScroll={false}
      attributes={{ header: { role: 'none' } }}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      <p className="s12 t2">{t('poolKeys.text')}</p>
      {!isShared && (
        <div className="keys-whose">
          <FormRow label={t('poolKeys.whose')} help={<span className="mono">{chosen?.place}</span>}>
            {(field) => (
              <Select
                {...field}
                allowDeselect={false}
                value={owner}
                onChange={(value) => setOwner(value ?? owner)}
                data={pool.repositories.map(({ id, client, group }) => ({
                  value: String(id),
                  label: group === null ? (client ?? '') : t('pool.ofGroup', { group }),
                }))}
              />
            )}
          </FormRow>
          <RepositoryPassword key={owner} named={named} />
        </div>
      )}
      {failure !== undefined && <ErrorLine error={failure} />}
      <ul className="keys" aria-busy={data === undefined}>
        {data === undefined && error === undefined && <li className="t3">{t('poolKeys.reading')}</li>}
        {data?.keys.map((key) => (
          <KeyRow key={key.id} row={key} onRemove={() => remove(key)} />
        ))}
      </ul>
      <NewPassword key={owner} named={named} />
      <div className="row keys-foot">
        <span className="help">{t('poolKeys.sheetHelp')}</span>
        <button type="button" className="btn" onClick={() => void print()} aria-busy={exporting.isRunning}>
          <IconPrinter className="ic" aria-hidden />
          {exporting.isRunning ? t('common.working') : t('poolKeys.sheet')}
        </button>
      </div>
    </Modal>
  );
}

interface KeyRowProps {
  readonly row: RepositoryKeyView;
  readonly onRemove: () => void;
}

function KeyRow({ row, onRemove }: KeyRowProps) {
  const { t } = useText();
  const created = Date.parse(row.created);
  return (
    <li className="row">
      <span className="mono b5">{shortId(row)}</span>
      <span className="el t2">{row.problem ?? `${row.username}@${row.hostname}`}</span>
      <span className="sp" />
      <span className="t3 tn">{Number.isNaN(created) ? '' : <Time at={created} />}</span>
      {row.current ? (
        <span className="cnt">{t('poolKeys.current')}</span>
      ) : (
        <button
          type="button"
          className="btn q sm ico"
          aria-label={t('poolKeys.remove', { id: shortId(row) })}
          title={t('poolKeys.remove', { id: shortId(row) })}
          onClick={onRemove}
        >
          <IconTrash className="ic" aria-hidden />
        </button>
      )}
    </li>
  );
}

function shortId({ id }: RepositoryKeyView): string {
  return id.slice(0, 8);
}
