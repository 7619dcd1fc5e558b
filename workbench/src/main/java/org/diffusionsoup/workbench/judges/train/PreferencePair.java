package org.diffusionsoup.workbench.judges.train;

import org.diffusionsoup.image.RgbImage;

/**
 * Two captioned pictures of which one is known to be better, because the other was made from it.
 *
 * @param better the better picture
 * @param betterText its caption
 * @param worse the worse picture; the same one where only the caption is wrong
 * @param worseText its caption
 * @param kind how the worse one was made
 * @param level how bad it is, 0 to 1
 */
record PreferencePair(
        RgbImage better,
        String betterText,
        RgbImage worse,
        String worseText,
        Degradation kind,
        double level) {}
