import { Checkbox, Select, TextInput } from '@mantine/core';
import { IconAlertTriangle, IconHelpHexagon } from '@tabler/icons-react';
import { useId } from 'react';
import { useNavigate } from 'react-router';
import { unpackFormats } from '../../../shared/model/job.ts';
import { FormDrawer } from '../../components/form-drawer.tsx';
import { FormRow } from '../../components/form-row.tsx';
import { LineChip } from '../../components/state.tsx';
import { useCommand } from '../../store/use-command.ts';
import { useText } from '../../text/use-text.ts';
import {
  fittingPlatforms,
  needsConfirmation,
  type RestoreOptions,
  type RestoreValues,
  toRestoreParams,
  useRestoreForm,
} from './restore-form-state.ts';
import { RestoreRail } from './restore-rail.tsx';

type Form = ReturnType<typeof useRestoreForm>;

interface PartProps {
  readonly form: Form;
  readonly options: RestoreOptions;
}

function WaySection({ form, options }: PartProps) {
  const { t } = useText();
  const name = useId();
  const ways = [
    { way: 'deploy', disabled: fittingPlatforms(options).length === 0 },
    { way: 'directory', disabled: false },
  ] as const;
  return (
    <fieldset className="fs">
      <h3>{t('restore.where')}</h3>
      <legend className="vh">{t('restore.where')}</legend>
      <div className="opt">
        {ways.map(({ way, disabled }) => (
          <label key={way} title={disabled ? t('restore.noPlatform') : undefined}>
            <input
              type="radio"
              name={name}
              value={way}
              disabled={disabled}
              checked={form.values.way === way}
              onChange={() => form.setFieldValue('way', way)}
            />
            <span>
              <b>{t(`restore.way.${way}`)}</b>
              <span>{disabled ? t('restore.noPlatform') : t(`restore.wayHelp.${way}`)}</span>
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

/** The clients that may do it; the others stand there with the reason. */
function ClientRow({ form, options }: PartProps) {
  const { t } = useText();
  const data = options.clients.map((client) => ({
    value: String(client.id),
    label: client.offered
      ? client.name
      : `${client.name}: ${client.missing.map((reason) => t(`restore.missing.${reason}`)).join(', ')}`,
    disabled: !client.offered,
  }));
  return (
    <FormRow label={t('rule.client')} help={t('restore.clientHelp')}>
      {(field) => (
        <Select
          {...form.getInputProps('client')}
          {...field}
          data={data}
          clearable
          placeholder={t('restore.anyClient')}
          clearButtonProps={{ 'aria-label': t('common.clear') }}
        />
      )}
    </FormRow>
  );
}

function DeployRows({ form, options }: PartProps) {
  const { t } = useText();
  return (
    <>
      <FormRow label={t('rule.platform')} required error={form.errors['platform']}>
        {(field) => (
          <Select
            {...form.getInputProps('platform')}
            {...field}
            allowDeselect={false}
            data={fittingPlatforms(options).map(({ id, name }) => ({ value: String(id), label: name }))}
          />
        )}
      </FormRow>
      <FormRow label={t('restore.name')} help={t('restore.nameHelp')}>
        {(field) => <TextInput {...form.getInputProps('name')} {...field} maxLength={200} />}
      </FormRow>
      <FormRow label={t('restore.storage')} error={form.errors['storage']} help={t('restore.storageHelp')}>
        {(field) => (
          <TextInput
            {...form.getInputProps('storage')}
            {...field}
            classNames={{ input: 'mono' }}
            placeholder="/var/lib/libvirt/images"
            spellCheck={false}
          />
        )}
      </FormRow>
      <div className="fr">
        <span className="lb">{t('restore.after')}</span>
        <div className="in">
          <Checkbox {...form.getInputProps('start', { type: 'checkbox' })} label={t('restore.start')} />
        </div>
      </div>
    </>
  );
}

function DirectoryRows({ form }: Pick<PartProps, 'form'>) {
  const { t } = useText();
  return (
    <>
      <FormRow label={t('restore.path')} required error={form.errors['path']} help={t('restore.pathHelp')}>
        {(field) => (
          <TextInput
            {...form.getInputProps('path')}
            {...field}
            classNames={{ input: 'mono' }}
            placeholder="/var/lib/holdfast-restore"
            spellCheck={false}
          />
        )}
      </FormRow>
      <FormRow label={t('restore.format')} help={t(`restore.formatHelp.${form.values.format}`)}>
        {(field) => (
          <Select {...form.getInputProps('format')} {...field} allowDeselect={false} data={[...unpackFormats]} />
        )}
      </FormRow>
    </>
  );
}

function TargetSection({ form, options }: PartProps) {
  const { t } = useText();
  return (
    <section className="fs">
      <h3>{t('restore.target')}</h3>
      <ClientRow form={form} options={options} />
      {form.values.way === 'directory' ? <DirectoryRows form={form} /> : <DeployRows form={form} options={options} />}
    </section>
  );
}

function ConfirmSection({ form, options }: PartProps) {
  const { t } = useText();
  if (!needsConfirmation(options)) return null;
  const isSuspicious = options.backup.verification === 'suspicious';
  const Shown = isSuspicious ? IconHelpHexagon : IconAlertTriangle;
  return (
    <section className="fs">
      <div className="note">
        <Shown className="ic" aria-hidden />
        <span>{t(isSuspicious ? 'restore.suspicious' : 'restore.notVerified')}</span>
      </div>
      <Checkbox
        {...form.getInputProps('confirmed', { type: 'checkbox' })}
        aria-invalid={form.errors['confirmed'] !== undefined}
        label={t('restore.nevertheless')}
      />
    </section>
  );
}

/** The form of a restore. Nothing is written before Restore is pressed. */
export function RestoreForm({
  options,
  onCancel,
}: {
  readonly options: RestoreOptions;
  readonly onCancel: () => void;
}) {
  const { t, format } = useText();
  const navigate = useNavigate();
  const restore = useCommand('backups.restore');
  const form = useRestoreForm(options);
  const { backup } = options;
  const save = async (values: RestoreValues) => {
    const outcome = await restore.run(toRestoreParams(values, backup.id));
    if (outcome.ok) void navigate(`/tasks/${outcome.value.taskIds[0] ?? ''}`);
  };
  return (
    <FormDrawer
      title={t('restore.title', { name: backup.object })}
      facts={
        <LineChip>
          <span className="mono">{backup.id}</span> {format.time(backup.createdAt)}
        </LineChip>
      }
      verb={t('restore.verb')}
      isBusy={restore.isRunning}
      problems={Object.keys(form.errors).length}
      error={restore.error}
      errorTitle={t('failed.restore', { name: backup.object })}
      rail={<RestoreRail options={options} />}
      onApply={() => form.onSubmit((values) => void save(values))()}
      onCancel={onCancel}
    >
      <WaySection form={form} options={options} />
      <TargetSection form={form} options={options} />
      <ConfirmSection form={form} options={options} />
    </FormDrawer>
  );
}
