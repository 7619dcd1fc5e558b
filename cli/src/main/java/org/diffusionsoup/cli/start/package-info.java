/**
 * From the launcher to a command without reading the other hundred. What there is for the sake of a
 * quick start, what each part of it gains, and when it may go is in docs/adr/0008-start-up.md:
 *
 * <ul>
 *   <li>here: {@code Commands} makes the one command that is wanted; {@code RecordStartCommand} is
 *       the run that the launcher's cache is recorded of; {@code ModernClasses} makes picocli fit
 *       for that cache;
 *   <li>in the launcher {@code soup}: the cache itself, and flags of the JVM for help and for
 *       commands that average;
 *   <li>in {@code core}: {@code safetensors.HeaderText} reads headers without Jackson, {@code
 *       tensor.FloatCodec} copies elements without linking copies into arrays, {@code Workers}
 *       makes threads without their builder's factory;
 *   <li>in {@code cli.console}: {@code Quantity} rounds numbers without a locale.
 * </ul>
 */
@NullMarked
package org.diffusionsoup.cli.start;

import org.jspecify.annotations.NullMarked;
