import { AppError } from '../../shared/errors.ts';
import type { PlatformKind } from '../../shared/platforms/all.ts';
import { allPlatforms } from '../../shared/platforms/all.ts';
import { ImageDirectory } from './image-directory/image-directory.ts';
import { Libvirt } from './libvirt/libvirt.ts';
import type { Platform } from './platform.ts';
import type { Roots } from './roots.ts';

/** What a platform module gets beside its settings. */
export interface PlatformContext {
  /** UUID and name of the platform as the engine registered it. */
  uuid: string;
  name: string;
  roots: Roots;
}

/** Every platform module, by kind; a kind without one does not compile. */
const makers: { [K in PlatformKind]: (settings: unknown, context: PlatformContext) => Platform } = {
  libvirt: (settings, { roots }) => new Libvirt(allPlatforms.libvirt.settings.parse(settings), roots),
  'image-directory': (settings, { uuid, roots }) =>
    new ImageDirectory(allPlatforms['image-directory'].settings.parse(settings), uuid, roots),
};

/**
 * Binds a platform to its settings; nothing is contacted yet.
 * @throws AppError invalidValue when the settings are not those of the kind
 */
export function createPlatform(kind: PlatformKind, settings: unknown, context: PlatformContext): Platform {
  const parsed = allPlatforms[kind].settings.safeParse(settings);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new AppError('invalidValue', `settings of the platform ${context.name}: ${issue?.message ?? 'invalid'}`, {
      field: issue?.path.join('.'),
    });
  }
  return makers[kind](parsed.data, context);
}
