/* Integer multiplication and division on AVR, called by the compiler.
 *
 * Registers as the AVR ABI passes them (8/16/32-bit: first argument r24 / r25:r24 / r25..r22, second r22 / r23:r22 /
 * r21..r18). Quotient and remainder come back together: 8-bit r24, r25; 16-bit r23:r22, r25:r24; 32-bit r21..r18,
 * r25..r22. Division by zero gives all ones and the dividend.
 */
    .macro func name
    .section .text.\name, "ax", @progbits
    .global \name
    .type \name, @function
\name:
    .endm
    .macro endfunc name
    .size \name, . - \name
    .endm
    .macro negate16 high, low
    com \high
    neg \low
    sbci \high, -1
    .endm
    .macro negate32 r3, r2, r1, r0
    com \r3
    com \r2
    com \r1
    neg \r0
    sbci \r1, -1
    sbci \r2, -1
    sbci \r3, -1
    .endm

    func __mulsi3
    mul r22, r18
    movw r26, r0
    mul r23, r19
    movw r30, r0
    mul r22, r20
    add r30, r0
    adc r31, r1
    mul r24, r18
    add r30, r0
    adc r31, r1
    mul r22, r19
    add r27, r0
    adc r30, r1
    brcc 1f
    inc r31
1:  mul r23, r18
    add r27, r0
    adc r30, r1
    brcc 2f
    inc r31
2:  mul r25, r18
    add r31, r0
    mul r24, r19
    add r31, r0
    mul r23, r20
    add r31, r0
    mul r22, r21
    add r31, r0
    clr r1
    movw r22, r26
    movw r24, r30
    ret
    endfunc __mulsi3

    func __udivmodqi4
    clr r25
    ldi r23, 8
1:  lsl r24
    rol r25
    brcs 2f
    cp r25, r22
    brlo 3f
2:  sub r25, r22
    inc r24
3:  dec r23
    brne 1b
    ret
    endfunc __udivmodqi4

    func __divmodqi4
    bst r24, 7
    mov r0, r24
    eor r0, r22
    brtc 1f
    neg r24
1:  sbrc r22, 7
    neg r22
    rcall __udivmodqi4
    sbrc r0, 7
    neg r24
    brtc 2f
    neg r25
2:  ret
    endfunc __divmodqi4

    func __udivmodhi4
    clr r26
    clr r27
    ldi r21, 16
1:  lsl r24
    rol r25
    rol r26
    rol r27
    brcs 2f
    cp r26, r22
    cpc r27, r23
    brlo 3f
2:  sub r26, r22
    sbc r27, r23
    inc r24
3:  dec r21
    brne 1b
    movw r22, r24
    movw r24, r26
    ret
    endfunc __udivmodhi4

    func __divmodhi4
    bst r25, 7
    mov r0, r25
    eor r0, r23
    brtc 1f
    negate16 r25, r24
1:  tst r23
    brpl 2f
    negate16 r23, r22
2:  rcall __udivmodhi4
    tst r0
    brpl 3f
    negate16 r23, r22
3:  brtc 4f
    negate16 r25, r24
4:  ret
    endfunc __divmodhi4

    func __udivmodsi4
    ldi r26, 32
    mov r0, r26
    clr r26
    clr r27
    clr r30
    clr r31
1:  lsl r22
    rol r23
    rol r24
    rol r25
    rol r26
    rol r27
    rol r30
    rol r31
    brcs 2f
    cp r26, r18
    cpc r27, r19
    cpc r30, r20
    cpc r31, r21
    brlo 3f
2:  sub r26, r18
    sbc r27, r19
    sbc r30, r20
    sbc r31, r21
    inc r22
3:  dec r0
    brne 1b
    movw r18, r22
    movw r20, r24
    movw r22, r26
    movw r24, r30
    ret
    endfunc __udivmodsi4

    func __divmodsi4
    bst r25, 7
    mov r0, r25
    eor r0, r21
    push r0
    brtc 1f
    negate32 r25, r24, r23, r22
1:  tst r21
    brpl 2f
    negate32 r21, r20, r19, r18
2:  rcall __udivmodsi4
    pop r0
    tst r0
    brpl 3f
    negate32 r21, r20, r19, r18
3:  brtc 4f
    negate32 r25, r24, r23, r22
4:  ret
    endfunc __divmodsi4
