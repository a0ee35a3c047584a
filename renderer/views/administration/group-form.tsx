import { TextInput } from '@mantine/core';
import { type FormErrors, useForm } from '@mantine/form';
import type { GroupView } from '../../../shared/contract/engine/groups.ts';
import { noGroupId } from '../../../shared/model/group.ts';
import { FormDrawer } from '../../components/form-drawer.tsx';
import { FormRow } from '../../components/form-row.tsx';
import { useCommand } from '../../store/use-command.ts';
import { useText } from '../../text/use-text.ts';

interface Props {
  /** The one that is changed; without it a new one is made. */
  readonly group?: GroupView;
  readonly onClose: () => void;
}

/** A client group's name and description. */
export function GroupForm({ group, onClose }: Props) {
  const { t } = useText();
  const isNamed = group?.id === noGroupId;
  const form = useForm({
    initialValues: { name: group?.name ?? '', description: group?.description ?? '' },
    clearInputErrorOnChange: true,
    validate: ({ name }): FormErrors => (name.trim() === '' ? { name: t('form.required') } : {}),
  });
  const add = useCommand('groups.add');
  const edit = useCommand('groups.edit');
  const { error, isRunning } = group === undefined ? add : edit;
  const save = async ({ name, description }: { name: string; description: string }) => {
    const fields = { ...(!isNamed && { name }), description };
    const outcome =
      group === undefined
        ? await add.run({ name, description })
        : await edit.run({ group: String(group.id), ...fields });
    if (outcome.ok) onClose();
  };
  return (
    <FormDrawer
      title={group?.name ?? t('group.newTitle')}
      {...(group === undefined && { verb: t('group.add') })}
      isBusy={isRunning}
      problems={Object.keys(form.errors).length}
      error={error}
      errorTitle={t(group === undefined ? 'failed.addGroup' : 'failed.editGroup')}
      onApply={() => form.onSubmit((values) => void save(values))()}
      onCancel={onClose}
    >
      <section className="fs">
        <FormRow
          label={t('group.name')}
          required={!isNamed}
          error={form.errors['name']}
          help={isNamed ? t('group.keepsName') : undefined}
        >
          {(field) => <TextInput {...form.getInputProps('name')} {...field} maxLength={200} disabled={isNamed} />}
        </FormRow>
        <FormRow label={t('group.description')}>
          {(field) => <TextInput {...form.getInputProps('description')} {...field} maxLength={500} />}
        </FormRow>
      </section>
      {group === undefined && (
        <section className="fs">
          <p className="help">{t('group.newHelp')}</p>
        </section>
      )}
    </FormDrawer>
  );
}
