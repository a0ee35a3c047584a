import { MultiSelect, Select, TextInput } from '@mantine/core';
import { type FormErrors, useForm } from '@mantine/form';
import { allPlatforms, type PlatformKind, platformKinds } from '../../../shared/platforms/all.ts';
import { FormDrawer } from '../../components/form-drawer.tsx';
import { FormRow } from '../../components/form-row.tsx';
import { useCommand } from '../../store/use-command.ts';
import { useText } from '../../text/use-text.ts';
import { type ClientChoice, firstChoice, useClientChoices } from '../common/client-choices.ts';

interface Values {
  kind: PlatformKind;
  name: string;
  clients: string[];
  settings: Record<string, string>;
}

function startOf(kind: PlatformKind, clients: string[]): Values {
  return {
    kind,
    name: '',
    clients,
    settings: Object.fromEntries(allPlatforms[kind].fields.map(({ key, initial }) => [key, initial])),
  };
}

/** Problems of the settings as the kind's own schema finds them, by field. */
export function settingProblems(kind: PlatformKind, settings: Record<string, string>): string[] {
  const parsed = allPlatforms[kind].settings.safeParse(settings);
  return parsed.success ? [] : [...new Set(parsed.error.issues.map(({ path }) => String(path[0])))];
}

function usePlatformForm(firstClient: string[]) {
  const { t } = useText();
  return useForm<Values>({
    initialValues: startOf(platformKinds[0], firstClient),
    clearInputErrorOnChange: true,
    validate: (values): FormErrors => ({
      ...(values.clients.length === 0 ? { clients: t('form.required') } : {}),
      ...Object.fromEntries(
        settingProblems(values.kind, values.settings).map((key) => [`settings.${key}`, t('form.invalid')]),
      ),
    }),
  });
}

/** A new platform: kind, clients that reach it, and the fields that its descriptor names. */
export function PlatformForm({ onClose }: { readonly onClose: () => void }) {
  const clients = useClientChoices();
  return clients === undefined ? null : <Fields clients={clients} onClose={onClose} />;
}

function Fields({ clients, onClose }: { readonly clients: ClientChoice[]; readonly onClose: () => void }) {
  const { t } = useText();
  const form = usePlatformForm(firstChoice(clients));
  const add = useCommand('platforms.add');
  const { kind } = form.values;
  const save = async ({ name, settings, ...values }: Values) => {
    const outcome = await add.run({ ...values, settings, ...(name.trim() === '' ? {} : { name }) });
    if (outcome.ok) onClose();
  };
  return (
    <FormDrawer
      title={t('platform.newTitle')}
      verb={t('platform.add')}
      isBusy={add.isRunning}
      problems={Object.keys(form.errors).length}
      error={add.error}
      errorTitle={t('failed.addPlatform')}
      onApply={() => form.onSubmit((values) => void save(values))()}
      onCancel={onClose}
    >
      <section className="fs">
        <FormRow label={t('platform.kind')} required>
          {(field) => (
            <Select
              {...field}
              allowDeselect={false}
              data={platformKinds.map((one) => ({ value: one, label: t(`platformKind.${one}`) }))}
              value={kind}
              onChange={(next) =>
                form.setValues((before) => ({
                  ...startOf(platformKinds.find((one) => one === next) ?? kind, before.clients ?? []),
                  name: before.name ?? '',
                }))
              }
            />
          )}
        </FormRow>
        <FormRow label={t('platform.clients')} required error={form.errors['clients']} help={t('platform.clientsHelp')}>
          {(field) => (
            <MultiSelect
              {...form.getInputProps('clients')}
              {...field}
              data={clients}
              searchable
              hidePickedOptions
              nothingFoundMessage={t('platform.noClient')}
            />
          )}
        </FormRow>
        <FormRow label={t('platform.name')} help={t('platform.nameHelp')}>
          {(field) => <TextInput {...form.getInputProps('name')} {...field} maxLength={200} />}
        </FormRow>
      </section>
      <section className="fs">
        <h3>{t('platform.settings')}</h3>
        {allPlatforms[kind].fields.map((descriptor) => (
          <FormRow
            key={`${kind} ${descriptor.key}`}
            label={t(`platformField.${descriptor.key}.label`)}
            required
            error={form.errors[`settings.${descriptor.key}`]}
            help={t(`platformField.${descriptor.key}.help`)}
          >
            {(field) =>
              descriptor.type === 'choice' ? (
                <Select
                  {...form.getInputProps(`settings.${descriptor.key}`)}
                  {...field}
                  allowDeselect={false}
                  data={descriptor.choices.map((choice) => ({
                    value: choice,
                    label: t(`platformField.${descriptor.key}.choice.${choice}`),
                  }))}
                />
              ) : (
                <TextInput
                  {...form.getInputProps(`settings.${descriptor.key}`)}
                  {...field}
                  classNames={{ input: 'mono' }}
                  spellCheck={false}
                />
              )
            }
          </FormRow>
        ))}
      </section>
      <section className="fs">
        <p className="help">{t('platform.addHelp')}</p>
      </section>
    </FormDrawer>
  );
}
