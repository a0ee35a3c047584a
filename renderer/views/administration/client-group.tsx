import { Select } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import type { ClientView } from '../../../shared/contract/engine/clients.ts';
import { noGroupId } from '../../../shared/model/group.ts';
import { ErrorLine } from '../../components/error-line.tsx';
import { FormRow } from '../../components/form-row.tsx';
import { useCommand } from '../../store/use-command.ts';
import { useText } from '../../text/use-text.ts';
import { useAllowed } from '../common/use-allowed.ts';
import { useGroups } from './use-groups.ts';

/** The group of a client, and what choosing another one means before it is saved. */
export function ClientGroup({ client }: { readonly client: ClientView }) {
  const { t } = useText();
  const edit = useCommand('clients.edit');
  const disabled = useAllowed()('clients.edit');
  const { rows } = useGroups();
  const present = String(client.groupId);
  const [group, setGroup] = useState(present);
  const isOther = group !== present;
  const move = group === String(noGroupId) ? 'client.groupLeave' : 'client.groupMove';
  const save = (event: FormEvent) => {
    event.preventDefault();
    if (!edit.isRunning) void edit.run({ client: String(client.id), group });
  };
  return (
    <section className="sec">
      <form onSubmit={save}>
        <FormRow label={t('client.group')} help={t(isOther ? move : 'client.groupHelp')}>
          {(field) => (
            <div className="row" style={{ gap: 6 }}>
              <Select
                {...field}
                flex={1}
                allowDeselect={false}
                disabled={disabled !== undefined}
                value={group}
                onChange={(value) => setGroup(value ?? present)}
                data={(rows ?? []).map(({ id, name }) => ({ value: String(id), label: name }))}
              />
              {isOther && (
                <button type="submit" className="btn">
                  {edit.isRunning ? t('common.working') : t('common.save')}
                </button>
              )}
            </div>
          )}
        </FormRow>
        {edit.error !== undefined && (
          <ErrorLine error={edit.error} title={t('failed.moveClient', { name: client.name })} />
        )}
      </form>
    </section>
  );
}
