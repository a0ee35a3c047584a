import { useForm } from '@mantine/form';
import type { UnpackFormat } from '../../../shared/model/job.ts';
import { absolutePathSchema } from '../../../shared/schema.ts';
import type { Params, Result } from '../../store/engine-api.ts';
import { useText } from '../../text/use-text.ts';

export type RestoreOptions = Result<'backups.restoreOptions'>;
export type RestoreWay = 'deploy' | 'directory';

export interface RestoreValues {
  way: RestoreWay;
  client: string | null;
  path: string;
  format: UnpackFormat;
  platform: string | null;
  name: string;
  storage: string;
  start: boolean;
  /** The person has read that the point is not verified. */
  confirmed: boolean;
}

/** Platforms on which this point can become a VM: those of the kind it came from. */
export function fittingPlatforms(options: RestoreOptions): RestoreOptions['platforms'] {
  return options.platforms.filter((platform) => platform.clientIds.length > 0 && platform.canStart);
}

function startOf(options: RestoreOptions): RestoreValues {
  const platforms = fittingPlatforms(options);
  const own = platforms.find(({ id }) => id === options.backup.platformId) ?? platforms[0];
  return {
    way: own === undefined ? 'directory' : 'deploy',
    client: null,
    path: '',
    format: 'raw',
    platform: own === undefined ? null : String(own.id),
    name: options.backup.object,
    storage: '',
    start: false,
    confirmed: false,
  };
}

/** True when a person must say that he restores it nevertheless (DESIGN §7). */
export function needsConfirmation(options: RestoreOptions): boolean {
  return options.backup.verification !== 'trusted';
}

/** The values as the contract wants them. */
export function toRestoreParams(values: RestoreValues, backup: number): Params<'backups.restore'> {
  const { name, storage, start } = values;
  return {
    backup: String(backup),
    ...(values.client === null ? {} : { client: values.client }),
    target:
      values.way === 'directory'
        ? { kind: 'directory', path: values.path, format: values.format }
        : {
            kind: 'deploy',
            start,
            ...(values.platform === null ? {} : { platform: values.platform }),
            ...(name.trim() === '' ? {} : { name }),
            ...(storage.trim() === '' ? {} : { storage }),
          },
  };
}

/** State of the restore form with its checks. */
export function useRestoreForm(options: RestoreOptions) {
  const { t } = useText();
  const isPath = (path: string) => absolutePathSchema.safeParse(path).success;
  return useForm<RestoreValues>({
    initialValues: startOf(options),
    clearInputErrorOnChange: true,
    validate: {
      path: (path, { way }) => (way === 'directory' && !isPath(path) ? t('form.absolutePath') : null),
      platform: (platform, { way }) => (way === 'deploy' && platform === null ? t('form.required') : null),
      storage: (storage, { way }) =>
        way === 'deploy' && storage.trim() !== '' && !isPath(storage) ? t('form.absolutePath') : null,
      confirmed: (confirmed) => (needsConfirmation(options) && !confirmed ? t('restore.mustConfirm') : null),
    },
  });
}
