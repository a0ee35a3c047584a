import { Select } from '@mantine/core';
import { type FormErrors, useForm } from '@mantine/form';
import type { PoolView } from '../../../shared/contract/engine/pools.ts';
import { FormDrawer } from '../../components/form-drawer.tsx';
import { FormRow } from '../../components/form-row.tsx';
import { SecretInput } from '../../components/secret-input.tsx';
import { useCommand } from '../../store/use-command.ts';
import { useText } from '../../text/use-text.ts';
import { type ClientChoice, useClientChoices } from '../common/client-choices.ts';
import { useDialogs } from '../common/dialog-host.tsx';
import { useRefusal } from '../common/use-refusal.ts';
import { poolFieldOf } from './pool-field-of-error.ts';
import { useMoveQuestion } from './pool-move-question.tsx';
import { PoolRows } from './pool-rows.tsx';
import { StorageFields, useStorageErrors } from './storage-fields.tsx';
import { changedFields, type StorageValues, storageValues, toStorage } from './storage-values.ts';
import { poolWords } from './pool-words.ts';
import { toWriteOptions, WriteFields, type WriteValues, writeValues } from './write-fields.tsx';

interface Values extends WriteValues, StorageValues {
  name: string;
  clients: string[];
  /** Empty: any of the clients. */
  maintenanceClient: string;
  /** Empty: as before. */
  password: string;
}

/** Changes a pool: its name, who reaches it, where it lies and what opens it, how new backups are written into it. */
export function PoolEditForm({ pool, onClose }: { readonly pool: PoolView; readonly onClose: () => void }) {
  const choices = useClientChoices();
  return choices === undefined ? null : <Fields pool={pool} choices={choices} onClose={onClose} />;
}

interface FieldsProps {
  readonly pool: PoolView;
  readonly choices: ClientChoice[];
  readonly onClose: () => void;
}

function useEditForm(pool: PoolView) {
  const { t } = useText();
  const storageErrors = useStorageErrors();
  return useForm<Values>({
    initialValues: {
      name: pool.name,
      clients: pool.clients.map(({ id }) => String(id)),
      maintenanceClient: pool.maintenanceClientId === null ? '' : String(pool.maintenanceClientId),
      ...storageValues(pool.address),
      password: '',
      ...writeValues(pool.write),
    },
    clearInputErrorOnChange: true,
    validate: (values): FormErrors => ({
      ...(values.name.trim() === '' && { name: t('form.required') }),
      ...(values.clients.length === 0 && { clients: t('form.required') }),
      ...storageErrors(values, true),
    }),
  });
}

function Fields({ pool, choices, onClose }: FieldsProps) {
  const { t } = useText();
  const { ask } = useDialogs();
  const form = useEditForm(pool);
  const question = useMoveQuestion(pool, choices);
  const edit = useCommand('pools.edit');
  const { failure, refuse, clear } = useRefusal(form, (error) => poolFieldOf(error, pool.kind));
  const { clients, maintenanceClient } = form.values;
  const save = async (values: Values, isMoved: boolean) => {
    clear();
    const kept = values.clients.includes(values.maintenanceClient) ? values.maintenanceClient : null;
    const outcome = await edit.run({
      pool: String(pool.id),
      name: values.name.trim(),
      clients: values.clients,
      maintenanceClient: kept,
      write: toWriteOptions(values),
      ...(isMoved && { storage: toStorage(values) }),
      ...(values.password !== '' && { password: values.password }),
    });
    if (outcome.ok) onClose();
    else refuse(outcome.error);
  };
  const apply = (values: Values) => {
    const moved = changedFields(pool.address, values);
    if (moved.length === 0 && values.password === '') return void save(values, false);
    const confirm = async () => {
      await save(values, moved.length > 0);
      // What was refused stands at its field.
      return undefined;
    };
    ask({ ...question(values, moved), confirm });
  };
  const ownChoices = choices.filter(({ value }) => clients.includes(value));
  return (
    <FormDrawer
      title={pool.name}
      isBusy={edit.isRunning}
      problems={Object.keys(form.errors).length}
      error={failure}
      errorTitle={t('failed.editPool')}
      onApply={() => form.onSubmit(apply)()}
      onCancel={onClose}
    >
      <section className="fs">
        <PoolRows form={form} choices={choices} clientsHelp={t(poolWords[pool.repositoryPer].newcomers)} />
        <FormRow label={t('pool.maintenanceClient')} help={t('pool.maintenanceClientHelp')}>
          {(field) => (
            <Select
              {...form.getInputProps('maintenanceClient')}
              {...field}
              allowDeselect={false}
              value={clients.includes(maintenanceClient) ? maintenanceClient : ''}
              data={[{ value: '', label: t(poolWords[pool.repositoryPer].keeper) }, ...ownChoices]}
            />
          )}
        </FormRow>
      </section>
      <section className="fs">
        <h3>{t('pool.place')}</h3>
        <p className="help">{t('pool.placeHelp')}</p>
        <StorageFields form={form} isStored />
        <FormRow
          label={t('pool.repositoryPassword')}
          error={form.errors['password']}
          help={t('form.asBefore', {
            help: pool.repositoryPer === 'pool' ? t('pool.opensAlready') : t('pool.opensAlreadyOwn'),
          })}
        >
          {(field) => <SecretInput input={{ ...form.getInputProps('password'), ...field }} />}
        </FormRow>
      </section>
      <WriteFields form={form} />
      <section className="fs">
        <p className="help">{t('pool.writingKeeps')}</p>
      </section>
    </FormDrawer>
  );
}
