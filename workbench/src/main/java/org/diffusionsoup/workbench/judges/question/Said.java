package org.diffusionsoup.workbench.judges.question;

import java.util.List;

/**
 * What is said of a picture, rightly or not.
 *
 * @param prompt for judges that read captions
 * @param questions for judges that answer questions
 */
public record Said(String prompt, List<JudgeQuestion> questions) {}
