import { MultiSelect, Select, TextInput } from '@mantine/core';
import { type FormErrors, useForm } from '@mantine/form';
import type { PoolView } from '../../../shared/contract/engine/pools.ts';
import { FormDrawer } from '../../components/form-drawer.tsx';
import { FormRow } from '../../components/form-row.tsx';
import { useCommand } from '../../store/use-command.ts';
import { useText } from '../../text/use-text.ts';
import { type ClientChoice, useClientChoices } from '../common/client-choices.ts';
import { poolWords } from './pool-words.ts';
import { toWriteOptions, WriteFields, type WriteValues, writeValues } from './write-fields.tsx';

interface Values extends WriteValues {
  name: string;
  clients: string[];
  /** Empty: any of the clients. */
  maintenanceClient: string;
}

/** Changes a pool's name, who reaches it and how new backups are written into it. */
export function PoolEditForm({ pool, onClose }: { readonly pool: PoolView; readonly onClose: () => void }) {
  const choices = useClientChoices();
  return choices === undefined ? null : <Fields pool={pool} choices={choices} onClose={onClose} />;
}

interface FieldsProps {
  readonly pool: PoolView;
  readonly choices: ClientChoice[];
  readonly onClose: () => void;
}

function Fields({ pool, choices, onClose }: FieldsProps) {
  const { t } = useText();
  const form = useForm<Values>({
    initialValues: {
      name: pool.name,
      clients: pool.clients.map(({ id }) => String(id)),
      maintenanceClient: pool.maintenanceClientId === null ? '' : String(pool.maintenanceClientId),
      ...writeValues(pool.write),
    },
    clearInputErrorOnChange: true,
    validate: ({ name, clients }): FormErrors => ({
      ...(name.trim() === '' && { name: t('form.required') }),
      ...(clients.length === 0 && { clients: t('form.required') }),
    }),
  });
  const edit = useCommand('pools.edit');
  const { name, clients, maintenanceClient } = form.values;
  const save = async (values: Values) => {
    const kept = clients.includes(maintenanceClient) ? maintenanceClient : null;
    const fields = { name: name.trim(), clients, maintenanceClient: kept, write: toWriteOptions(values) };
    const outcome = await edit.run({ pool: String(pool.id), ...fields });
    if (outcome.ok) onClose();
  };
  const ownChoices = choices.filter(({ value }) => clients.includes(value));
  return (
    <FormDrawer
      title={pool.name}
      isBusy={edit.isRunning}
      problems={Object.keys(form.errors).length}
      error={edit.error}
      errorTitle={t('failed.editPool')}
      onApply={() => form.onSubmit((values) => void save(values))()}
      onCancel={onClose}
    >
      <section className="fs">
        <FormRow label={t('pool.name')} required error={form.errors['name']}>
          {(field) => <TextInput {...form.getInputProps('name')} {...field} maxLength={200} />}
        </FormRow>
        <FormRow
          label={t('pool.clients')}
          required
          error={form.errors['clients']}
          help={t(poolWords[pool.repositoryPer].newcomers)}
        >
          {(field) => (
            <MultiSelect
              {...form.getInputProps('clients')}
              {...field}
              data={choices}
              searchable
              hidePickedOptions
              nothingFoundMessage={t('platform.noClient')}
            />
          )}
        </FormRow>
        <FormRow label={t('pool.maintenanceClient')} help={t('pool.maintenanceClientHelp')}>
          {(field) => (
            <Select
              {...form.getInputProps('maintenanceClient')}
              {...field}
              allowDeselect={false}
              data={[{ value: '', label: t(poolWords[pool.repositoryPer].keeper) }, ...ownChoices]}
            />
          )}
        </FormRow>
      </section>
      <WriteFields form={form} />
      <section className="fs">
        <p className="help">{t('pool.writingKeeps')}</p>
      </section>
    </FormDrawer>
  );
}
